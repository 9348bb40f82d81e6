#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "batch/command.h"
#include "config/account.h"
#include "config/settings.h"
#include "config/text.h"

static void help_print(const struct command *command, const struct option_spec *options)
{
	printf(_("Usage: altakt [-w DIR] %s %s\n\n%s\n"), command->name, command->arguments,
	    _(command->summary));
	printf("\n%s\n", _("Options:"));
	for (const struct option_spec *o = options; o && o->name; o++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", o->name, o->argument ? " " : "",
		    o->argument ? o->argument : "");
		printf("  %-24s %s%s\n", left, _(o->help),
		    o->kind == OPTION_LIST ? _(" (may be given again)") : "");
	}
	printf("  %-24s %s\n", "--help", _("this text"));
}

static bool option_take(const struct command *command, const struct option_spec *option,
    const char *value, int *exit_code)
{
	char *end;

	switch (option->kind) {
	case OPTION_FLAG: *(bool *)option->value = true; return true;
	case OPTION_TEXT: *(const char **)option->value = value; return true;
	case OPTION_NUMBER:
		*(long *)option->value = strtol(value, &end, 10);
		if (end != value && *end == '\0' && strlen(value) < 10)
			return true;
		*exit_code = command_usage(
		    command, _("'--%s' takes a whole number, not '%s'"), option->name, value);
		return false;
	case OPTION_LIST: {
		struct option_list *list = option->value;
		if (list->n == (int)(sizeof list->values / sizeof list->values[0])) {
			*exit_code =
			    command_usage(command, _("'--%s' is given too often"), option->name);
			return false;
		}
		list->values[list->n++] = value;
		return true;
	}
	}
	return false;
}

bool options_read(const struct command *command, const struct option_spec *options, int argc,
    char **argv, const char **args, int *n_args, int *exit_code)
{
	bool ended = false;

	*n_args = 0;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (ended || word[0] != '-' || word[1] == '\0') {
			args[(*n_args)++] = word;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			ended = true;
			continue;
		}
		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			help_print(command, options);
			*exit_code = EXIT_DONE;
			return false;
		}
		const struct option_spec *found = NULL;
		size_t n = strcspn(word, "=");
		for (const struct option_spec *o = options; o && o->name; o++)
			if (strncmp(word, "--", 2) == 0 && strlen(o->name) == n - 2 &&
			    strncmp(o->name, word + 2, n - 2) == 0)
				found = o;
		if (!found && strcmp(word, "-o") == 0) /* as every other program has it */
			for (const struct option_spec *o = options; o && o->name; o++)
				if (strcmp(o->name, "output") == 0)
					found = o;
		if (!found) {
			*exit_code = command_usage(command, _("unknown option '%s'"), word);
			return false;
		}
		const char *value = word[n] == '=' ? word + n + 1 : NULL;
		if (found->kind == OPTION_FLAG && value) {
			*exit_code =
			    command_usage(command, _("'--%s' takes no value"), found->name);
			return false;
		}
		if (found->kind != OPTION_FLAG && !value) {
			if (i + 1 == argc) {
				*exit_code = command_usage(command, _("'%s' wants a value"), word);
				return false;
			}
			value = argv[++i];
		}
		if (!option_take(command, found, value, exit_code))
			return false;
	}
	return true;
}

int command_fail(const struct error *err)
{
	char text[1100];

	fflush(stdout);
	error_text(err, text, sizeof text);
	char *todo = strchr(text, '\n');
	if (todo)
		*todo++ = '\0';
	fprintf(stderr, "altakt: %s\n", text);
	if (todo)
		fprintf(stderr, "        %s\n", todo);
	switch (err->kind) {
	case ERROR_USAGE: return EXIT_USAGE;
	case ERROR_PAPER:
	case ERROR_DECIDE: return EXIT_WAITING;
	case ERROR_CHECK: return EXIT_CHECK;
	default: return EXIT_FAILED;
	}
}

int command_usage(const struct command *command, const char *what, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "altakt %s: ", command->name);
	va_start(ap, what);
	vfprintf(stderr, what, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	fprintf(stderr, _("        'altakt %s --help' tells what it takes\n"), command->name);
	return EXIT_USAGE;
}

int command_sub(const struct command *command, const struct command *const *subcommands, int n,
    const struct call *call, int argc, char **argv)
{
	bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

	for (int i = 0; argc > 1 && i < n; i++) {
		const char *word = strchr(subcommands[i]->name, ' ');
		if (word && strcmp(word + 1, argv[1]) == 0)
			return subcommands[i]->run(call, argc - 1, argv + 1);
	}
	if (!help)
		return command_usage(command, _("say which: %s"), command->arguments);
	for (int i = 0; i < n; i++)
		printf("altakt %s %s\n  %s\n", subcommands[i]->name, subcommands[i]->arguments,
		    _(subcommands[i]->summary));
	return EXIT_DONE;
}

const char *command_person(const char *named, const struct settings *settings)
{
	if (named && named[0])
		return named;
	const char *set = settings_text(settings, "station.operator");
	return set[0] ? set : account_name();
}
