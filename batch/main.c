/* The command line's first words: altakt [-w DIR] [--set section.key=value]… COMMAND … */

#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/commands.h"
#include "config/text.h"

static const struct command *const commands[] = {
    &command_init,
    &command_devices,
    &command_register,
    &command_rules,
    &command_covers,
    &command_scan,
    &command_import,
    &command_process,
    &command_run,
    &command_status,
    &command_sheet,
    &command_decide,
    &command_file,
    &command_abandon,
    &command_settle,
    &command_count,
    &command_clock,
    &command_close,
    &command_seal,
    &command_review,
    &command_seen,
    &command_accept,
    &command_reject,
    &command_verify,
    &command_worker,
    &command_collect,
    &command_claim,
    &command_report,
    &command_purge,
    &command_destruction,
    &command_release,
    &command_backup,
    &command_restore,
    &command_demo,
};

static volatile sig_atomic_t stop_asked;
static volatile bool stop;

static void stop_ask(int signal_number)
{
	(void)signal_number;
	if (stop_asked++ > 2)
		_exit(130); /* asked again and again: the journal keeps what is recorded */
	stop = true;
}

const volatile bool *command_stop(void)
{
	return &stop;
}

static void signals_take(void)
{
	struct sigaction take = {.sa_handler = stop_ask};

	sigemptyset(&take.sa_mask);
	sigaction(SIGINT, &take, NULL);
	sigaction(SIGTERM, &take, NULL);
	sigaction(SIGHUP, &take, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void help_print(FILE *to)
{
	fprintf(to, "%s",
	    _("Usage: altakt [-w DIR] [--set SECTION.KEY=VALUE]... COMMAND [OPTIONS]\n\n"
	      "Scans paper case files, makes an archivable bundle of each, and counts files and\n"
	      "sheets so that the count can be proved.\n\nCommands:\n"));
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(to, "  %-12s %s\n", commands[i]->name, _(commands[i]->summary));
	fprintf(to, "%s",
	    _("\n  -w DIR       the workspace; else ALTAKT_WORKSPACE, else the current folder\n"
	      "  --set K=V    a setting for this call\n"
	      "  --version    the program's version\n\n"
	      "'altakt COMMAND --help' tells what a command takes.\n"
	      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 waiting for a person, 4 a check found\n"
	      "something wrong.\n"));
}

static const struct command *command_find(const char *name)
{
	if (strcmp(name, command_page_worker.name) == 0)
		return &command_page_worker;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static char program[PATH_MAX];
	const char **sets = calloc((size_t)argc + 1, sizeof *sets);
	const char *workspace = getenv("ALTAKT_WORKSPACE");
	const struct command *command = NULL;
	int n_sets = 0, i = 1, code = EXIT_USAGE;

	if (!sets)
		return EXIT_FAILED;
	signals_take(); /* before anything else: whoever stops it at once is answered as later */
	umask(077);
	/*
	 * Images of many megabytes come and go in several threads: each in a mapping of its own,
	 * given back at once, or glibc would keep more and more of them in its heaps.
	 */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	text_open();
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = '\0';
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help_print(stdout);
			code = EXIT_DONE;
			goto done;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("altakt %s\n", ALTAKT_VERSION);
			code = EXIT_DONE;
			goto done;
		}
		bool is_set =
		    strncmp(argv[i], "--set", 5) == 0 && (argv[i][5] == '=' || !argv[i][5]);
		bool is_workspace = strcmp(argv[i], "-w") == 0 ||
		    (strncmp(argv[i], "--workspace", 11) == 0 &&
			(argv[i][11] == '=' || !argv[i][11]));
		const char *value = strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;
		if (!is_set && !is_workspace) {
			fprintf(stderr, _("altakt: unknown option '%s'\n"), argv[i]);
			help_print(stderr);
			goto done;
		}
		if (!value && i + 1 == argc) {
			fprintf(stderr, _("altakt: '%s' wants a value\n"), argv[i]);
			goto done;
		}
		value = value ? value + 1 : argv[++i];
		if (is_set)
			sets[n_sets++] = value;
		else
			workspace = value;
	}
	if (i == argc) {
		help_print(stderr);
		goto done;
	}
	if (strcmp(argv[i], "help") == 0) {
		help_print(stdout);
		code = EXIT_DONE;
		goto done;
	}
	command = command_find(argv[i]);
	if (!command) {
		fprintf(stderr,
		    _("altakt: there is no command '%s'\n        'altakt --help' lists those there are\n"),
		    argv[i]);
		goto done;
	}
	/* --set may stand behind the command as well. */
	int left = i;
	for (int k = i; k < argc; k++) {
		if (strcmp(argv[k], "--") == 0) {
			while (k < argc)
				argv[left++] = argv[k++];
			break;
		}
		if (strcmp(argv[k], "--set") == 0 && k + 1 < argc)
			sets[n_sets++] = argv[++k];
		else if (strncmp(argv[k], "--set=", 6) == 0)
			sets[n_sets++] = argv[k] + 6;
		else
			argv[left++] = argv[k];
	}
	struct call call = {.workspace = workspace && workspace[0] ? workspace : ".",
	    .sets = sets,
	    .program = program};
	code = command->run(&call, left - i, argv + i);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "%s",
		    _("altakt: the result could not be written to standard output\n"));
		if (code == EXIT_DONE)
			code = EXIT_FAILED;
	}
done:
	free(sets);
	return code;
}
