#include "batch/look_shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"

const struct look *look_shelf_lend(
    struct look_shelf *shelf, const char *batch, int sheet, char side, bool turned, double width_mm)
{
	struct look_on_shelf *to = &shelf->looks[0];
	struct error gone = {0};

	for (int i = 0; i < LOOK_SHELF; i++) {
		struct look_on_shelf *l = &shelf->looks[i];
		if (l->look.ink.px && l->sheet == sheet && l->side == side && l->turned == turned &&
		    strcmp(l->batch, batch) == 0) {
			l->lent = ++shelf->lent;
			return &l->look;
		}
		if (l->lent < to->lent)
			to = l;
	}
	look_release(&to->look);
	*to = (struct look_on_shelf){
	    .sheet = sheet, .side = side, .turned = turned, .lent = ++shelf->lent};
	snprintf(to->batch, sizeof to->batch, "%s", batch);
	char *path = file_path("%s/spool/%s/%d%c.jpg", shelf->workspace, batch, sheet, side);
	bool ok = file_exists(path) && look_read(path, width_mm, &to->look, &gone);
	free(path);
	if (ok && turned)
		look_turn(&to->look);
	return ok ? &to->look : NULL;
}

void look_shelf_release(struct look_shelf *shelf)
{
	for (int i = 0; i < LOOK_SHELF; i++)
		look_release(&shelf->looks[i].look);
	*shelf = (struct look_shelf){.workspace = shelf->workspace};
}
