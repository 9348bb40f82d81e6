/* One sheet as the scanner delivered it, before it has an id. */
#ifndef ALTAKT_SCAN_SHEET_H
#define ALTAKT_SCAN_SHEET_H

#include "scan/raw.h"

struct sheet {			    /* {0} is empty */
	struct raw_image images[2]; /* front, back */
	int n_images;		    /* received */
	int n_expected;		    /* duplex 2, else 1 */
	bool double_feed;	    /* the device reported one */
	char imprint[64];	    /* number that the imprinter put on it, "" without */
	long device_count;	    /* the device's own count of sheets fed, -1 where it has none */
};

void sheet_release(struct sheet *sheet); /* leaves {0} */
void sheet_move(struct sheet *to, struct sheet *from);

#endif
