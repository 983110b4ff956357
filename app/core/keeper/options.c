#include "keeper/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: pinokiocloud-keeper (--control FD | --listen SOCKET | both) --log FILE [--status FILE] [--cwd "
    "DIR]\n"
    "                           [--cols N] [--rows N] [--grace MS] [--id ID] -- COMMAND [ARGUMENT...]\n";

static bool parse_number(const char *text, unsigned long max, unsigned *number) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end != '\0' || value > max)
    return false;
  *number = (unsigned)value;
  return true;
}

/* It names files and stands in JSON as it is. */
static bool id_is_plain(const char *id) {
  return *id != '\0' &&
         strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(id);
}

static bool take_option(struct options *options, int option, const char *value) {
  unsigned fd;
  switch (option) {
  case 'c':
    if (!parse_number(value, 65535, &fd))
      return false;
    options->control = (int)fd;
    return true;
  case 'x':
    return parse_number(value, 65535, &options->cols);
  case 'y':
    return parse_number(value, 65535, &options->rows);
  case 'g':
    return parse_number(value, 3600 * 1000, &options->grace_ms);
  case 's':
    options->listen = value;
    return true;
  case 'e':
    options->status = value;
    return true;
  case 'l':
    options->log = value;
    return true;
  case 'd':
    options->cwd = value;
    return true;
  case 'i':
    options->id = value;
    return id_is_plain(value);
  default:
    return false;
  }
}

bool options_parse(struct options *options, int argc, char **argv) {
  static const struct option known[] = {
      {"control", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 's'},
      {"status", required_argument, NULL, 'e'},  {"log", required_argument, NULL, 'l'},
      {"cols", required_argument, NULL, 'x'},    {"rows", required_argument, NULL, 'y'},
      {"cwd", required_argument, NULL, 'd'},     {"grace", required_argument, NULL, 'g'},
      {"id", required_argument, NULL, 'i'},      {NULL, 0, NULL, 0},
  };
  *options = (struct options){.control = -1, .id = "keeper", .cols = 80, .rows = 24, .grace_ms = 5000};
  int option;
  while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
    if (!take_option(options, option, optarg)) {
      if (option != '?')
        fprintf(stderr, "pinokiocloud-keeper: bad value '%s'\n", optarg);
      fputs(usage, stderr);
      return false;
    }
  }
  options->argv = argv + optind;
  if (options->log != NULL && optind < argc && (options->control >= 0 || options->listen != NULL))
    return true;
  fputs(usage, stderr);
  return false;
}
