#include "scan/sheet.h"

#include <assert.h>

void sheet_release(struct sheet *sheet)
{
	if (!sheet)
		return;
	raw_image_release(&sheet->images[0]);
	raw_image_release(&sheet->images[1]);
	*sheet = (struct sheet){0};
}

void sheet_move(struct sheet *to, struct sheet *from)
{
	assert(!to->images[0].data && !to->images[1].data);
	*to = *from;
	*from = (struct sheet){0};
}
