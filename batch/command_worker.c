#include "batch/commands.h"

#include <signal.h>
#include <stdlib.h>

#include "batch/page.h"
#include "config/log.h"
#include "config/text.h"
#include "ocr/farm.h"
#include "ocr/recogniser.h"

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	stop = 1;
}

/* Needs no workspace: settings are the defaults, an altakt.ini of --config, and --set. */
static int run_worker(const struct call *call, int argc, char **argv)
{
	const char **args = (const char **)argv, *url = NULL, *config = NULL;
	const struct option_spec options[] = {
	    {"farm", OPTION_TEXT, &url, "URL", N_("the broker: nats:// on loopback, else tls://")},
	    {"config", OPTION_TEXT, &config, "FILE",
		N_("settings, as in a workspace's altakt.ini")},
	    {0}};
	struct recogniser *recogniser = NULL;
	struct settings *settings = NULL;
	struct sigaction action = {.sa_handler = on_stop};
	struct farm_options farm;
	struct error err = {0};
	int n, code;
	bool ok;

	if (!options_read(&command_worker, options, argc, argv, args, &n, &code))
		return code;
	if (n)
		return command_usage(&command_worker, _("it takes no further words"));
	ok = settings_open(config, &settings, &err);
	for (size_t i = 0; ok && call->sets[i]; i++)
		ok = settings_set(settings, call->sets[i], &err);
	if (ok && !url && !*settings_text(settings, "farm.url")) {
		settings_close(settings);
		return command_usage(&command_worker, _("name the broker: --farm URL"));
	}
	ok = ok &&
	    recogniser_open(settings_text(settings, "ocr.languages"),
		settings_text(settings, "ocr.tessdata"), &recogniser, &err);
	if (ok) {
		farm_options_read(settings, recogniser_version(recogniser), &farm);
		if (url)
			farm.url = url;
		ok = farm_address_check(&farm, &err);
	}
	if (ok) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		fprintf(stderr, _("working for '%s' with %s\n"), farm.url,
		    recogniser_version(recogniser));
		ok = farm_work(&farm, farm_recognise_page, recogniser, &stop, &err);
	}
	code = ok ? EXIT_DONE : command_fail(&err);
	recogniser_close(recogniser);
	settings_close(settings);
	return code;
}

const struct command command_worker = {
    "worker", "--farm URL", N_("Recognises pages for other machines, over NATS."), run_worker};
