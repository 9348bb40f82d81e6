#include "batch/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/file.h"
#include "config/log.h"
#include "config/settings.h"
#include "config/text.h"

enum { WORDS_MAX = 32, SAID_BYTES = 400 };

extern char **environ;

bool seal_wanted(const struct settings *settings)
{
	return settings_text(settings, "seal.command")[0] != '\0';
}

/* Its words go to a pipe: what it says of a failure is told on. */
static int start(char *const argv[], pid_t *pid, int *said)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	failed = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(ends[1]);
	if (failed)
		close(ends[0]);
	else
		*said = ends[0];
	return failed;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what it says, the first of which is kept, until it ends; false: it took too long. */
static bool wait_for(pid_t pid, int said, int timeout_s, char text[SAID_BYTES], int *status)
{
	long long end = now_ms() + (long long)timeout_s * 1000;
	int fd = pidfd_open(pid, 0);
	size_t n = 0;
	bool ended = false, open = true;
	char more[256];

	while (fd >= 0 && !ended && now_ms() < end) {
		struct pollfd fds[] = {{fd, POLLIN, 0}, {open ? said : -1, POLLIN, 0}};
		if (poll(fds, 2, (int)(end - now_ms())) < 0 && errno != EINTR)
			break;
		if (fds[1].revents) {
			ssize_t got = read(said, more, sizeof more);
			open = got > 0;
			for (ssize_t i = 0; i < got && n + 1 < SAID_BYTES; i++)
				text[n++] = more[i];
		}
		ended = fds[0].revents && !(open && fds[1].revents);
	}
	text[n] = '\0';
	if (fd >= 0)
		close(fd);
	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return ended;
}

bool seal_bundle(const struct settings *settings, const char *bundle, const char *path,
    struct seal *out, struct error *err)
{
	char *words = file_path("%s", settings_text(settings, "seal.command")), *rest = words;
	char *argv[WORDS_MAX + 3], *slash = strrchr(path, '/'), *folder;
	char text[SAID_BYTES] = "", clean[SAID_BYTES];
	int n = 0, said = -1, status = 0, timeout_s = (int)settings_int(settings, "seal.timeout");
	bool ok = false;
	pid_t pid;

	*out = (struct seal){.exit_code = -1};
	folder = file_path("%.*s", (int)(slash ? slash - path : 1), slash ? path : ".");
	for (char *word; n < WORDS_MAX && (word = strsep(&rest, " \t"));)
		if (word[0])
			argv[n++] = word;
	argv[n] = (char *)bundle;
	argv[n + 1] = (char *)path;
	argv[n + 2] = NULL;
	if (!file_make_folder(folder, err) || !file_remove(path, err))
		goto done;
	int failed = start(argv, &pid, &said);
	if (failed) {
		error_set(err, ERROR_SETUP,
		    _("seal.command names the program, with its whole path"),
		    _("the seal program '%s' cannot be started: %s"), argv[0], strerror(failed));
		goto done;
	}
	bool ended = wait_for(pid, said, timeout_s, text, &status);
	close(said);
	out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	text[strcspn(text, "\r\n")] = '\0';
	clean[text_escape(clean, sizeof clean, 0, text)] = '\0';
	if (!ended)
		error_set(err, ERROR_SYSTEM, _("seal.timeout says how long it may take"),
		    _("the seal program did not end within %d s"), timeout_s);
	else if (out->exit_code != 0)
		error_set(err, ERROR_SYSTEM, NULL, _("the seal program ended with %d: %s"),
		    out->exit_code, clean);
	else
		ok = !file_exists(path) ||
		    (file_sync(path, err) && file_sync(folder, err) &&
			hash_file(HASH_SHA256, path, out->sha256, NULL, err));
	if (!ok)
		file_remove(path, NULL);
done:
	free(folder);
	free(words);
	return ok;
}
