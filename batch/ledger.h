/*
 * The ledger: the append-only, hash-chained record of everything that happened. One chain for each
 * batch (its name) and one for the workspace (LEDGER_WORKSPACE). One event is one line of JSON:
 *
 *   {"n":17,"at":"2026-11-23T08:00:00.123Z","by":"m.muster","account":"scan1","event":"sheet_fed",
 *    "sheet":"2026-11-23-st1-001/12",...,"prev":"<SHA-256 of line 16 without its newline>"}
 *
 * Chain of a batch. Sheets are named <batch>/<n>; "file" is the running number of a case file
 * within the batch, from 1; 0 is "belongs to no file".
 *
 *   batch_opened     batch workspace station organisation rules{…}: batch/rules.h
 *                    source("scan"|"import") expect[{file_number volume}]
 *   operator         operator                         handover; also the first
 *   feeding_started  device model source mode resolution profile profile_sha256 simplex
 *   feeding_stopped  reason("empty"|"stop"|"paper"|"device"|"disk"|"decide"|"done") text
 *                    whole_stack: the operator said that nothing is left, where no count did
 *   file_opened      file file_number volume prepared(-1 unknown) from("cover"|"option"|"move")
 *   sheet_fed        sheet file expected separator cover{file_number volume serial}
 *                    images[{side path sha256 bytes width_px height_px dpi depth channels
 *                            source{path page bytes mtime_ns sha256
 *                            [same_as]}}]            same_as: another path with the same content
 *                    suspects["double_feed"|"odd_image"|"unreadable_cover"|"serial_seen"|
 *                             "file_again"|"unassigned"|"unknown_file"|"cover_repeated"|
 *                             "too_many"|"no_view"|"fed_again"|"cover_after_cover"]
 *                    double_feed_by("device"|"length"|"overlap"), with "double_feed"
 *                    like(sheet) likeness, with "fed_again"
 *                    after(sheet, for an insert) supersedes(sheet) imprint device_count
 *   view_fed         sheet expected images[] device_count   further views of a sheet that was fed
 *   box              box                              where the sheets that follow are put
 *   suspect          sheet reason                     found later
 *   decided          sheet decision("keep"|"void"|"cover") reason [file]
 *   sheet_voided     sheet reason [refeed]            refeed: the sheets fed next take its place,
 *   refeed_done      sheet reason                     in order, until this or a cover sheet
 *   sheet_moved      sheet file after(sheet or "") reason
 *   rescan_asked     sheet reason                     the next sheet fed supersedes it
 *   insert_asked     sheet reason                     the next sheet fed comes behind it
 *   image_taken      image(from 1) images[] cover_read{} unreadable lapped unknown_file
 *                                                     --blanks-dropped: of no sheet; a later
 *                                                     sheet_fed has "assigned": how many of them,
 *                                                     in order, are its sides
 *   image_missing    sheet missing reason             decided by somebody: images that never came
 *   file_completed   file why("cover"|"close"|"count")
 *   file_reopened    file why
 *   file_renumbered  file file_number volume reason
 *   count_given      file sheets                      the operator's own count
 *   hand_counted     file sheets                      a lead's count of a drawn file's paper
 *   settled          file witness reason              a lead accepts a difference, no count changes
 *   page_done        sheet side blank blank_score kind dpi width_px height_px skew_deg ...
 *                    words confidence page_sha256 alto_sha256 thumb_sha256 flags[] fingerprint
 *   page_failed      sheet side reason                 no try could make a page of it: it waits
 *   page_retry       sheet side                       it is worked on again, from its raw image
 *   bundle_made      file bundle sheets pages images blank_pages blank_sheets bytes
 *                    mean_confidence sha512 flags[]
 *   evidence_kept    sheet side path sha256
 *   near_equal       sheets[] others[] likeness       found at close: others[i] is what sheets[i] is
 *                                                     nearly equal to; a run of sheets is one event
 *   near_equal_kept  sheets[] reason                  somebody decided: both are sheets of their own
 *   closed           revision previous supersedes [epoch]
 *                                                     the manifest covers the chain up to here
 *   manifest_written revision sha256 counts{}         counts as in the manifest
 *   reopened         reason                           a correction; it closes as revision + 1
 *   seen             pages[] all(bool)
 *   accepted         lead seed sample[] manifest revision not_opened_one_by_one hand_counted
 *                    hand_settled near_equal_undecided [takes_back] acceptance_sha256
 *   rejected         lead reason sheets[] seed sample[] manifest revision acceptance_sha256
 *   claimed          claim
 *   correction_claimed claim                          a newer revision of what a claim holds
 *   claim_cancelled  claim                            also correction_cancelled
 *   purged           images deleted bytes sha256      of raw images, after their retention
 *   timestamped      revision time signer sha256      RFC 3161, of the manifest; the .tsr's hash
 *   timestamp_missing revision why
 *   sealed           file bundle sha512 exit seal seal_sha256   by the outside seal program
 *   seal_failed      file bundle sha512 exit why
 *   released         file bundle sha512 counted pages sheets[] reason   a tombstone
 *   abandoned        reason
 *
 * Chain of the workspace: workspace_made, settings_changed{before after}, register_imported{...},
 * batch_opened{batch}, claim_made{claim sha256 csv_sha256 pdf_sha256}, claim_cancelled,
 * claim_settled{claim amount}, claim_timestamped{claim time signer sha256},
 * claim_timestamp_missing{claim why}, register_urgent{file_number urgent}, file_allowed{file_number
 * reason}, backup_made{folder events}, restored{epoch backup}, clock_accepted{last reason},
 * claims_collected{workspace claims[{claim
 * sha256 cancelled batches}]}, collected{batch workspace station manifest manifests[] events head},
 * near_equal and near_equal_kept as above: about sheets of collected batches.
 */
#ifndef ALTAKT_BATCH_LEDGER_H
#define ALTAKT_BATCH_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/error.h"

struct journal;

#define LEDGER_WORKSPACE "" /* the workspace's own chain */

/*
 * Appends an event inside a transaction of journal.
 *
 * by      who is named (operator, lead); the account of the operating system is added
 * event   an object with "event" and its own fields, in the order wanted; takes it
 *
 * If the clock went back, the event says "clock_back":true; the first event of a handle is refused
 * then with ERROR_DECIDE (batch/clock.h).
 */
bool ledger_append(
    struct journal *journal, const char *chain, const char *by, json_t *event, struct error *err);

/* The end of a chain: number of events and hash of the last line (64 zeros for an empty one). */
bool ledger_head(
    struct journal *journal, const char *chain, int64_t *n, char head[65], struct error *err);

typedef bool ledger_visit(
    void *self, int64_t n, const char *line, size_t n_bytes, struct error *err);

/* Lines from..to (to 0: the end) out of the journal. */
bool ledger_read(struct journal *journal, const char *chain, int64_t from, int64_t to,
    ledger_visit *visit, void *self, struct error *err);

/*
 * Lines of a ledger.jsonl, each checked: JSON, n without a gap, prev the hash of the line before.
 * ERROR_CHECK names file and line. n and head (may be NULL) are filled.
 */
bool ledger_file_read(const char *path, ledger_visit *visit, void *self, int64_t *n, char head[65],
    struct error *err);

/* Where a chain's ledger.jsonl lies; the caller frees. */
char *ledger_path(const char *workspace, const char *chain);

/*
 * Brings ledger.jsonl up to the journal, and beside it ledger.head: "<SHA-256 of the last line>
 * <number of lines>", so that even a change in the last line shows. ERROR_DECIDE: the file is
 * longer than the journal knows.
 */
bool ledger_publish(struct journal *journal, const char *chain, struct error *err);

/* Now, as events write it: "2026-11-23T08:00:00.123Z". */
void ledger_now(char at[25]);

#endif
