/* The account of the operating system that this process runs under. */
#ifndef ALTAKT_CONFIG_ACCOUNT_H
#define ALTAKT_CONFIG_ACCOUNT_H

/* Its name, or "uid 1234" where it has none that is UTF-8. Lent, the same for the whole run. */
const char *account_name(void);

#endif
