#include "control/ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 32

/* One cell as text, owned by the caller; never NULL unless memory is out. */
static char *cell_text(const cJSON *value)
{
    if (value == NULL || cJSON_IsNull(value))
        return strdup("-");
    if (cJSON_IsString(value))
        return strdup(value->valuestring[0] == '\0' ? "-" : value->valuestring);
    return cJSON_PrintUnformatted(value);
}

static void print_cell(FILE *out, const cJSON *value, int width)
{
    char *text = cell_text(value);
    fprintf(out, "%-*s", width, text == NULL ? "?" : text);
    free(text);
}

static int cell_width(const cJSON *value)
{
    char *text = cell_text(value);
    int width = text == NULL ? 1 : (int)strlen(text);
    free(text);
    return width;
}

/* The columns are the keys of the first row: all rows of one answer have the same. */
static void print_rows(FILE *out, const cJSON *rows)
{
    const cJSON *first = rows->child, *row, *column;
    int widths[COLUMNS_MAX], count = 0;
    cJSON_ArrayForEach(column, first)
    {
        if (count == COLUMNS_MAX)
            break;
        int width = (int)strlen(column->string);
        cJSON_ArrayForEach(row, rows)
        {
            int here = cell_width(cJSON_GetObjectItemCaseSensitive(row, column->string));
            width = here > width ? here : width;
        }
        fprintf(out, "%s%-*s", count == 0 ? "" : "  ", width, column->string);
        widths[count++] = width;
    }
    fputc('\n', out);
    cJSON_ArrayForEach(row, rows)
    {
        column = first->child;
        for (int i = 0; i < count; i++, column = column->next) {
            fputs(i == 0 ? "" : "  ", out);
            print_cell(out, cJSON_GetObjectItemCaseSensitive(row, column->string), widths[i]);
        }
        fputc('\n', out);
    }
}

static bool is_table(const cJSON *value)
{
    return cJSON_IsArray(value) && cJSON_IsObject(value->child);
}

/* Tables come after the lines, each under its key. */
static void print_lines(FILE *out, const cJSON *object)
{
    const cJSON *item;
    int width = 0;
    cJSON_ArrayForEach(item, object)
    {
        int here = is_table(item) ? 0 : (int)strlen(item->string);
        width = here > width ? here : width;
    }
    cJSON_ArrayForEach(item, object)
    {
        if (is_table(item))
            continue;
        fprintf(out, "%-*s  ", width, item->string);
        print_cell(out, item, 0);
        fputc('\n', out);
    }
    cJSON_ArrayForEach(item, object)
    {
        if (!is_table(item))
            continue;
        fprintf(out, "\n%s\n", item->string);
        print_rows(out, item);
    }
}

void table_print(FILE *out, const cJSON *value, const char *empty)
{
    if (cJSON_IsArray(value) && value->child == NULL)
        fprintf(out, "%s\n", empty);
    else if (cJSON_IsArray(value))
        print_rows(out, value);
    else
        print_lines(out, value);
}
