/* Is a gradient written by hand right?  With libcurl; ADJOINT_URL may name the server too:
 *
 *   cc -Wall -o check check.c -lcurl -lm && ./check [http://host:port] */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION "\"expr\": \"x^2*sin(y) + exp(-x*y)\", \"at\": {\"x\": 3, \"y\": 0.5}"

static double right_x(double x, double y) { return 2 * x * sin(y) - y * exp(-x * y); }
static double right_y(double x, double y) { return x * x * cos(y) - x * exp(-x * y); }
/* Forgets the inner derivative -x. */
static double wrong_y(double x, double y) { return x * x * cos(y) + exp(-x * y); }

/* Prints the first string or number of this name.  In a string quotes have backslashes: none is taken for a name. */
static void print_field(FILE *out, const char *json, const char *before, const char *name, const char *after) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *c = strstr(json, key);
    if (c == NULL) return;
    fputs(before, out);
    if (*(c += strlen(key)) == '"')
        for (c++; *c != '\0' && *c != '"'; c++) fputc(*c == '\\' && c[1] != '\0' ? *++c : *c, out);
    else
        for (; *c != '\0' && strchr(",}]", *c) == NULL; c++) fputc(*c, out);
    fputs(after, out);
}

/* The answer, to be freed; a refusal is told and ends the program. */
static char *post(CURL *curl, const char *url, const char *path, const char *body) {
    char address[512], *answer = NULL;
    size_t length;
    FILE *stream = open_memstream(&answer, &length);
    snprintf(address, sizeof address, "%s%s", url, path);
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream); /* written by fwrite unless told otherwise */
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    fclose(stream);
    if (code == CURLE_OK && status < 300) return answer;
    if (code != CURLE_OK) fprintf(stderr, "%s: %s\n", address, curl_easy_strerror(code));
    print_field(stderr, answer, "", "title", ": ");
    print_field(stderr, answer, "", "detail", "\n");
    print_field(stderr, answer, "hint: ", "hint", "\n");
    exit(EXIT_FAILURE);
}

static void check(CURL *curl, const char *url, const char *label, double x, double y) {
    char body[512];
    snprintf(body, sizeof body, "{" QUESTION ", \"claimed\": {\"grad\": {\"x\": %.17g, \"y\": %.17g}}}", x, y);
    char *report = post(curl, url, "/check", body);
    print_field(stdout, report, label, "verdict", "\n");
    const char *diagnosis = strstr(report, "\"diagnosis\":");
    print_field(stdout, diagnosis, "          ", "kind", ": ");
    print_field(stdout, diagnosis, "", "detail", "\n");
    free(report);
}

int main(int count, char **arguments) {
    const char *named = getenv("ADJOINT_URL");
    const char *url = count > 1 ? arguments[1] : named != NULL ? named : "http://127.0.0.1:8000";
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    char *answer = post(curl, url, "/grad", "{" QUESTION "}");
    print_field(stdout, answer, "value     ", "value", "\n");
    print_field(stdout, answer, "gradient  x ", "x", "");
    print_field(stdout, answer, ", y ", "y", "\n");
    check(curl, url, "by hand   ", right_x(3, 0.5), right_y(3, 0.5));
    check(curl, url, "mistaken  ", right_x(3, 0.5), wrong_y(3, 0.5));
    free(answer);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}
