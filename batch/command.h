/*
 * The command line: one struct for each subcommand, listed in batch/main.c, each in a
 * command_<noun>.c of its own. Results go to standard output, the rest to standard error.
 */
#ifndef ALTAKT_BATCH_COMMAND_H
#define ALTAKT_BATCH_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "config/error.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* it failed, and says what, where and what to do */
	EXIT_USAGE = 2,
	EXIT_WAITING = 3, /* stopped, a person has to act; state kept */
	EXIT_CHECK = 4,	  /* a check found something wrong */
};

struct call {			 /* what main.c has read before the subcommand */
	const char *workspace;	 /* -w, ALTAKT_WORKSPACE or "." */
	const char *const *sets; /* --set, NULL-terminated */
	const char *program;	 /* /proc/self/exe, for starting workers */
};

struct command {
	const char *name;      /* "close", or "sheet void" for two words */
	const char *arguments; /* "BATCH", "[PATH…]"; not translated */
	const char *summary;   /* one sentence, N_() */
	int (*run)(const struct call *call, int argc,
	    char **argv); /* argv[0] is the command; returns enum exit_code */
};

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, lent from argv */
	OPTION_NUMBER, /* long */
	OPTION_LIST,   /* struct option_list: may be given again and again */
};

struct option_list {
	const char *values[256];
	int n;
};

struct option_spec {	  /* an array of them ends with {0} */
	const char *name; /* without "--" */
	enum option_kind kind;
	void *value;	      /* bool *, const char **, long *, struct option_list * */
	const char *argument; /* "NAME" */
	const char *help;     /* N_() */
};

/*
 * Reads argv: options may stand anywhere, "--" ends them. Positional arguments are gathered at
 * args (room for argc; argv itself will do), *n_args of them. Handles --help (prints, *exit_code
 * EXIT_DONE) and every mistake (says it, EXIT_USAGE): then returns false.
 */
bool options_read(const struct command *command, const struct option_spec *options, int argc,
    char **argv, const char **args, int *n_args, int *exit_code);

/* Prints an error to standard error and gives the exit code that its kind means. */
int command_fail(const struct error *err);

/* A usage mistake: prints it with a hint at --help, returns EXIT_USAGE. */
int command_usage(const struct command *command, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

/* Becomes true with Ctrl-C or SIGTERM: finish what is under way, keep the state, stop. */
const volatile bool *command_stop(void);

/* For commands of two words: runs the one whose name's second word is argv[1], or says which there
 * are. */
int command_sub(const struct command *command, const struct command *const *subcommands, int n,
    const struct call *call, int argc, char **argv);

/* Who acts: --by or --operator, else station.operator, else the account. Lent. */
struct settings;
const char *command_person(const char *named, const struct settings *settings);

#endif
