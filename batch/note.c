#include "batch/note.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"

static bool digits(const char *s, int n, int low, int high)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		value = value * 10 + (s[i] - '0');
	}
	return value >= low && value <= high;
}

bool note_time_check(const char *time)
{
	size_t n = strlen(time);

	if (n < 20 || n > 30 || !digits(time, 4, 1, 9999) || time[4] != '-' ||
	    !digits(time + 5, 2, 1, 12) || time[7] != '-' || !digits(time + 8, 2, 1, 31) ||
	    time[10] != 'T' || !digits(time + 11, 2, 0, 23) || time[13] != ':' ||
	    !digits(time + 14, 2, 0, 59) || time[16] != ':' || !digits(time + 17, 2, 0, 60))
		return false;
	if (time[19] == 'Z')
		return n == 20;
	if (time[19] != '.' || n < 22 || time[n - 1] != 'Z')
		return false;
	for (size_t i = 20; i + 1 < n; i++)
		if (!isdigit((unsigned char)time[i]))
			return false;
	return true;
}

/* A character that XML 1.0 cannot carry, or that no line of a note should. */
static bool text_fits(const char *s)
{
	size_t n = strlen(s);

	if (!text_utf8(s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
			return false;
		if (c == 0xef && (unsigned char)s[i + 1] == 0xbf &&
		    (unsigned char)s[i + 2] >= 0xbe) /* FFFE, FFFF */
			return false;
	}
	return true;
}

static void put_text(FILE *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		default: putc(*s, out);
		}
}

static void put_element(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(out, "   <%s>", name);
	put_text(out, value);
	fprintf(out, "</%s>\n", name);
}

static void put_count(FILE *out, const char *name, int value)
{
	if (value > 0)
		fprintf(out, "   <%s>%d</%s>\n", name, value, name);
}

static void put_list(
    FILE *out, const char *name, const char *list, const char *attribute, const char *value)
{
	if (!value)
		return;
	fprintf(out, "   <%s><rdf:%s><rdf:li%s>", name, list, attribute);
	put_text(out, value);
	fprintf(out, "</rdf:li></rdf:%s></%s>\n", list, name);
}

static const struct {
	const char *name, *type, *description;
} schema[] = {
    {"creator", "Text", "TR-03138 A.NB.4 a): person who made the scan product"},
    {"organisation", "Text", "TR-03138 A.NB.4 a): organisation of that person"},
    {"environment", "Text", "TR-03138 A.NB.4 b): technical and organisational environment"},
    {"anomalies", "Text", "TR-03138 A.NB.4 c): anomalies during scanning"},
    {"capturedFrom", "Date", "TR-03138 A.NB.4 d): time of the first image"},
    {"capturedTo", "Date", "TR-03138 A.NB.4 d): time of the last image"},
    {"quality", "Text", "TR-03138 A.NB.4 e): result of quality control with completeness"},
    {"statement", "Text", "TR-03138 A.NB.4 f): match with the original in image and content"},
    {"fileNumber", "Text", "number of the case file"},
    {"volume", "Integer", "volume of the case file"},
    {"batch", "Text", "batch in which the case file was scanned"},
    {"sheets", "Integer", "sheets of paper"},
    {"pages", "Integer", "pages of this document"},
    {"images", "Integer", "images received from the scanner"},
};

static void put_schema(FILE *out)
{
	fputs("  <rdf:Description rdf:about=\"\"\n"
	      "    xmlns:pdfaExtension=\"http://www.aiim.org/pdfa/ns/extension/\"\n"
	      "    xmlns:pdfaSchema=\"http://www.aiim.org/pdfa/ns/schema#\"\n"
	      "    xmlns:pdfaProperty=\"http://www.aiim.org/pdfa/ns/property#\">\n"
	      "   <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType=\"Resource\">\n"
	      "    <pdfaSchema:schema>Transfer note (BSI TR-03138)</pdfaSchema:schema>\n"
	      "    <pdfaSchema:namespaceURI>" NOTE_NAMESPACE "</pdfaSchema:namespaceURI>\n"
	      "    <pdfaSchema:prefix>note</pdfaSchema:prefix>\n"
	      "    <pdfaSchema:property><rdf:Seq>\n",
	    out);
	for (size_t i = 0; i < sizeof schema / sizeof *schema; i++)
		fprintf(out,
		    "     <rdf:li rdf:parseType=\"Resource\">"
		    "<pdfaProperty:name>%s</pdfaProperty:name>"
		    "<pdfaProperty:valueType>%s</pdfaProperty:valueType>"
		    "<pdfaProperty:category>external</pdfaProperty:category>"
		    "<pdfaProperty:description>%s</pdfaProperty:description></rdf:li>\n",
		    schema[i].name, schema[i].type, schema[i].description);
	fputs("    </rdf:Seq></pdfaSchema:property>\n"
	      "   </rdf:li></rdf:Bag></pdfaExtension:schemas>\n"
	      "  </rdf:Description>\n",
	    out);
}

static void put_note(FILE *out, const struct note *note, const struct note_document *doc)
{
	fputs("  <rdf:Description rdf:about=\"\" xmlns:note=\"" NOTE_NAMESPACE "\">\n", out);
	put_element(out, "note:creator", note->creator);
	put_element(out, "note:organisation", note->organisation);
	put_element(out, "note:environment", note->environment);
	/* Field c must be there even when there is nothing to say. */
	put_element(out, "note:anomalies",
	    note->anomalies && note->anomalies[0] ? note->anomalies : "keine");
	put_element(out, "note:capturedFrom", note->captured_from);
	put_element(out, "note:capturedTo", note->captured_to);
	put_element(out, "note:quality", note->quality);
	put_element(out, "note:statement", note->statement);
	put_element(out, "note:fileNumber", doc->file_number);
	put_count(out, "note:volume", doc->volume);
	put_element(out, "note:batch", doc->batch);
	put_count(out, "note:sheets", doc->sheets);
	put_count(out, "note:pages", doc->pages);
	put_count(out, "note:images", doc->images);
	fputs("  </rdf:Description>\n", out);
	put_schema(out);
}

static bool check(const struct note *note, const struct note_document *doc, struct error *err)
{
	const struct note none = {0}, *n = note ? note : &none;
	const struct {
		const char *name, *text;
		bool time;
	} fields[] = {
	    {"creator", n->creator},
	    {"organisation", n->organisation},
	    {"environment", n->environment},
	    {"anomalies", n->anomalies},
	    {"captured_from", n->captured_from, true},
	    {"captured_to", n->captured_to, true},
	    {"quality", n->quality},
	    {"statement", n->statement},
	    {"title", doc->title},
	    {"author", doc->author},
	    {"file_number", doc->file_number},
	    {"batch", doc->batch},
	    {"language", doc->language},
	    {"created", doc->created, true},
	};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *text = fields[i].text;
		if (text && !text_fits(text))
			return error_set(err, ERROR_INPUT, NULL,
			    _("the transfer note's '%s' is not UTF-8 text, or has control characters"),
			    fields[i].name);
		if (text && fields[i].time && !note_time_check(text))
			return error_set(err, ERROR_INPUT, NULL,
			    _("the transfer note's '%s' is not a time such as 2026-11-23T11:30:00Z: '%s'"),
			    fields[i].name, text);
	}
	return true;
}

bool note_packet(const struct note *note, const struct note_document *doc, char **packet,
    size_t *n_bytes, struct error *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out;

	if (!check(note, doc, err))
		return false;
	out = open_memstream(&text, &n);
	if (!out)
		return error_errno(err, NULL, _("cannot write the transfer note"));
	fputs(
	    "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
	    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
	    " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
	    "  <rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n"
	    "   <pdfaid:part>2</pdfaid:part>\n"
	    "   <pdfaid:conformance>U</pdfaid:conformance>\n"
	    "  </rdf:Description>\n"
	    "  <rdf:Description rdf:about=\"\"\n"
	    "    xmlns:dc=\"http://purl.org/dc/elements/1.1/\"\n"
	    "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
	    "    xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n"
	    "   <dc:format>application/pdf</dc:format>\n",
	    out);
	put_list(out, "dc:title", "Alt", " xml:lang=\"x-default\"", doc->title);
	put_list(out, "dc:creator", "Seq", "", doc->author);
	put_element(out, "dc:identifier", doc->file_number);
	put_list(out, "dc:language", "Bag", "", doc->language);
	put_element(out, "xmp:CreateDate", doc->created);
	put_element(out, "xmp:ModifyDate", doc->created);
	put_element(out, "xmp:MetadataDate", doc->created);
	fputs("   <xmp:CreatorTool>altakt</xmp:CreatorTool>\n"
	      "   <pdf:Producer>" NOTE_PRODUCER "</pdf:Producer>\n"
	      "  </rdf:Description>\n",
	    out);
	if (note)
		put_note(out, note, doc);
	fputs(" </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>", out);
	bool written = !ferror(out);
	if (fclose(out) != 0 || !written) {
		free(text);
		return error_errno(err, NULL, _("cannot write the transfer note"));
	}
	*packet = text;
	*n_bytes = n;
	return true;
}
