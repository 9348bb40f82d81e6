/*
 * The person at the terminal: asked, and awaited while other work goes on. Where there is none (a
 * script, a service) nobody is asked.
 */
#ifndef ALTAKT_BATCH_PERSON_H
#define ALTAKT_BATCH_PERSON_H

#include <stdbool.h>

enum { PERSON_ANSWER_SIZE = 32 };

/* Whether there is a terminal with somebody to ask. */
bool person_there(void);

/*
 * Shows text and question, waits for a line. The caller's thread; meanwhile
 *
 * beside  is called every 100 ms at least, or NULL
 * stop    ends the waiting when it becomes true
 * answer  the line without blanks around it; "" for Enter alone
 *
 * False: there is no terminal, it was closed, or *stop.
 */
bool person_ask(const char *text, const char *question, void (*beside)(void *self), void *self,
    const volatile bool *stop, char answer[PERSON_ANSWER_SIZE]);

#endif
