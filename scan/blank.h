/*
 * Whether a side carries anything that somebody wrote. Asked before adaptive thresholding, which
 * would turn an empty page's grain into ink.
 */
#ifndef ALTAKT_SCAN_BLANK_H
#define ALTAKT_SCAN_BLANK_H

#include "scan/ink.h"

struct blank {
	bool blank;
	double score; /* 0 surely written .. 1 surely blank */
	int written;  /* pieces that count as writing */
	int faint;    /* of those, the ones fainter than ordinary ink */
	double written_mm2;
	double faint_mm2;
};

/*
 * normal   about 150 dpi, background normalised; scanner background and holes as paper
 * chroma   distance from the paper's colour, about 75 dpi, 0 none; NULL for a grey page
 * ink      its pieces, found with blank_threshold()
 */
int blank_threshold(double grain);
void blank_decide(const struct ink *ink, const struct plane *normal, double dpi, double grain,
    const struct ink *coloured, double chroma_dpi, struct blank *out);

#endif
