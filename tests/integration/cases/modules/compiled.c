/* A module of machine code: says whether its file of arguments is JSON.  WANT_JSON */
#include <stdio.h>

static const char kind[] = "WANT_JSON";

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    int first = file ? fgetc(file) : 0;
    printf("{\"changed\": true, \"count\": %d, \"first\": \"%c\", \"kind\": \"%s\"}\n",
           argc, first ? first : '-', kind);
    return 0;
}
