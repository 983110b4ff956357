/* pinokiocloud doctor: what a person or a bug report needs to know of the machine (environment/checkup.h), without the engine. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/say.h"
#include "config.h"
#include "environment/checkup.h"

#define LABEL 11
#define WIDTH 100
#define NARROWEST 40

/* --- how it is laid out ------------------------------------------------------------------------------------------ */

typedef struct {
  gboolean colours;
  int width;
} Page;

static Page page_here(void) {
  struct winsize size = {0};
  Page page = {isatty(STDOUT_FILENO) && g_getenv("NO_COLOR") == NULL, WIDTH};
  if (page.colours && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    page.width = CLAMP(size.ws_col, NARROWEST, WIDTH);
  return page;
}

static int print_label(const Page *page, const char *label, const char *colour) {
  gboolean coloured = page->colours && *label != '\0';
  printf("%s%-*s%s", coloured ? colour : "", LABEL, label, coloured ? "\033[0m" : "");
  return LABEL;
}

/* Words go on under the text where the line is full. Takes text. */
static void print_row_coloured(const Page *page, const char *label, const char *colour, char *text) {
  g_autofree char *line = pino_one_line(text);
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  int at = print_label(page, label, colour), begin = at;
  for (char **word = words; *word != NULL; word++) {
    int length = (int)g_utf8_strlen(*word, -1);
    if (at > begin && at + 1 + length > page->width) {
      printf("\n%*s", begin, "");
      at = begin;
    }
    printf("%s%s", at > begin ? " " : "", *word);
    at += length + (at > begin);
  }
  putchar('\n');
  g_free(text);
}

static void print_row(const Page *page, const char *label, char *text) {
  print_row_coloured(page, label, "\033[1m", text);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

static void print_system(const Page *page, const PinoCheckup *checkup) {
  const PinoPlatform *platform = checkup->facts->platform;
  g_autofree char *markers = g_strjoinv(", ", platform->markers);
  print_row(page, "Engine", g_strdup_printf("pinokiocloud %s", checkup->version));
  print_row(page, "System", g_strdup_printf("%s, %s, %s", checkup->system, checkup->kernel, checkup->arch));
  print_row(page, "Platform",
            *markers != '\0' ? g_strdup_printf("%s (%s)", platform->name, markers)
                             : g_strdup(platform->name));
}

static void print_places(const Page *page, const PinoCheckup *checkup) {
  const PinoPlace *place = checkup->facts->place;
  print_row(page, "Home", g_strdup_printf("%s (%s)", place->home, place->why));
  if (g_str_equal(place->lost, "nothing"))
    return;
  print_row(page, "", g_strdup_printf("outlives %s", place->survives));
  print_row(page, "", g_strdup_printf("lost: %s", place->lost));
  if (place->persistent != NULL)
    print_row(page, "Persistent", g_strdup_printf("%s (%s)", place->persistent, place->persistent_why));
  else
    print_row(page, "Persistent", g_strdup_printf("none: %s", place->persistent_why));
}

static char *card_text(const PinoGpuInfo *card, gboolean numbered) {
  GString *text = g_string_new(NULL);
  if (numbered)
    g_string_append_printf(text, "%u  ", card->index);
  g_string_append(text, card->name != NULL ? card->name : "a card that does not tell its name");
  if (card->memory_total != G_MAXUINT64) {
    g_autofree char *total = pino_checkup_size(card->memory_total);
    g_string_append_printf(text, ", %s", total);
  }
  if (card->memory_total != G_MAXUINT64 && card->memory_used <= card->memory_total) {
    g_autofree char *left = pino_checkup_size(card->memory_total - card->memory_used);
    g_string_append_printf(text, " (%s free)", left);
  }
  if (card->target != NULL)
    g_string_append_printf(text, ", %s", card->target);
  if (card->driver != NULL)
    g_string_append_printf(text, ", driver %s", card->driver);
  return g_string_free(text, FALSE);
}

static void print_gpus(const Page *page, const PinoCheckup *checkup) {
  const GArray *cards = checkup->facts->gpus;
  for (guint i = 0; i < cards->len; i++)
    print_row(page, i == 0 ? "GPU" : "", card_text(&g_array_index(cards, PinoGpuInfo, i), cards->len > 1));
  if (cards->len == 0)
    print_row(page, "GPU", g_strdup("none"));
}

static void print_memory(const Page *page, const PinoCheckup *checkup) {
  const PinoFacts *facts = checkup->facts;
  g_autofree char *total = pino_checkup_size(facts->ram), *left = pino_checkup_size(facts->ram_available);
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd(number, sizeof number, facts->cpus == (double)(int)facts->cpus ? "%.0f" : "%.1f",
                  facts->cpus);
  print_row(page, "CPU", g_strdup_printf("%s that may be used at once", number));
  print_row(
      page, "RAM",
      g_strdup_printf("%s%s, %s free", total, facts->ram_limited ? " (this container's limit)" : "", left));
}

static void add_answer(GString *text, PinoAnswer answer, const char *what) {
  if (answer != PINO_UNKNOWN)
    g_string_append_printf(text, "%s%s", answer == PINO_YES ? ", " : ", no ", what);
}

static char *disk_text(const PinoDiskState *disk) {
  const PinoFilesystem *fs = disk->fs;
  if (fs->error != 0)
    return g_strdup_printf("%s: %s cannot be asked: %s", disk->what, fs->path, g_strerror(fs->error));
  g_autofree char *left = pino_checkup_size(fs->free), *total = pino_checkup_size(fs->total);
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "%-10s  %s free of %s%s", disk->what, left, total,
                         fs->quota ? " (your quota)" : "");
  if (fs->type != NULL)
    g_string_append_printf(text, ", %s", fs->type);
  if (fs->mount != NULL)
    g_string_append_printf(text, " at %s", fs->mount);
  add_answer(text, fs->hard_links, "hard links");
  add_answer(text, fs->reflinks, "reflinks");
  if (fs->read_only)
    g_string_append(text, ", read-only");
  return g_string_free(text, FALSE);
}

static void print_disks(const Page *page, const PinoCheckup *checkup) {
  for (guint i = 0; i < checkup->disks->len; i++)
    print_row(page, i == 0 ? "Disk" : "", disk_text(&g_array_index(checkup->disks, PinoDiskState, i)));
}

static void print_network(const Page *page, const PinoCheckup *checkup) {
  const PinoNetwork *network = checkup->network;
  g_autoptr(GString) text = g_string_new(!network->tried   ? "not tried"
                                         : network->online ? "reaches out"
                                                           : "reaches nothing outside");
  for (guint i = 0; i < network->reached->len; i++) {
    const PinoReach *reach = &g_array_index(network->reached, PinoReach, i);
    g_string_append_printf(text, "%s%s ", i == 0 ? ": " : ", ", reach->host);
    if (reach->reached)
      g_string_append_printf(text, "%d ms", reach->ms);
    else
      g_string_append_printf(text, "(%s)", reach->trouble);
  }
  print_row(page, "Network", g_strdup(text->str));
  for (char **proxy = network->proxies; *proxy != NULL; proxy++)
    print_row(page, "", g_strdup_printf("proxy %s", *proxy));
  g_string_truncate(text, 0);
  for (guint i = 0; i < network->addresses->len; i++) {
    const PinoAddressInfo *info = &g_array_index(network->addresses, PinoAddressInfo, i);
    g_string_append_printf(text, "%s%s (%s)", i > 0 ? ", " : "own addresses: ", info->address,
                           info->is_public ? "public" : "private");
  }
  if (text->len > 0)
    print_row(page, "", g_strdup(text->str));
}

static void print_addresses(const Page *page, const PinoCheckup *checkup) {
  static const char *const who[] = {[PINO_AUTH_PUBLIC] = "open to all",
                                    [PINO_AUTH_OWNER] = "for you alone",
                                    [PINO_AUTH_TOKEN] = "with its token"};
  const PinoAddresses *addresses = checkup->addresses;
  const char *label = "Public";
  for (guint i = 0; i < addresses->list->len; i++) {
    const PinoAddress *address = addresses->list->pdata[i];
    print_row(page, label,
              g_strdup_printf("port %u: %s, %s%s%s", checkup->example_port, address->url, who[address->auth],
                              address->needs != NULL ? "; " : "",
                              address->needs != NULL ? address->needs : ""));
    label = "";
  }
  if (addresses->proxy_path != NULL) {
    print_row(page, label,
              g_strdup_printf("port %u: %s under the notebook server's address, for you alone",
                              checkup->example_port, addresses->proxy_path));
    label = "";
  }
  if (addresses->reason != NULL)
    print_row(page, label, g_strdup(addresses->reason));
}

/* The number in a line like "git version 2.39.5"; the whole line when there is none. */
static char *version_number(const char *line) {
  g_autoptr(GRegex) numbers = g_regex_new("\\d+(\\.\\d+)+\\S*", 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  return g_regex_match(numbers, line, 0, &match) ? g_match_info_fetch(match, 0) : g_strdup(line);
}

static char *tool_text(const PinoToolState *tool) {
  if (tool->path == NULL)
    return g_strdup_printf("%-11s  MISSING: %s", tool->name, tool->why);
  if (tool->version == NULL)
    return g_strdup_printf("%-11s  %s", tool->name, tool->trouble);
  g_autofree char *number = version_number(tool->version);
  return g_strdup_printf("%-11s  %-18s  %s", tool->name, number, tool->path);
}

static void print_tools(const Page *page, const PinoCheckup *checkup) {
  gboolean first = TRUE;
  g_autoptr(GString) absent = g_string_new(NULL);
  for (guint i = 0; i < checkup->tools->len; i++) {
    const PinoToolState *tool = &g_array_index(checkup->tools, PinoToolState, i);
    if (tool->path == NULL && !tool->required) {
      g_string_append_printf(absent, "%s%s", absent->len > 0 ? ", " : "not here: ", tool->name);
      continue;
    }
    print_row(page, first ? "Tools" : "", tool_text(tool));
    first = FALSE;
  }
  if (absent->len > 0)
    print_row(page, first ? "Tools" : "", g_strdup(absent->str));
}

static void print_rules(const Page *page, const PinoCheckup *checkup) {
  static const char *const colours[] = {
      [PINO_RULE_NOTE] = "\033[2m", [PINO_RULE_LIMIT] = "\033[33m", [PINO_RULE_FORBIDS] = "\033[31m"};
  if (checkup->rules->len == 0)
    return;
  printf("\nWhat %s asks of its users\n", checkup->facts->platform->name);
  for (guint i = 0; i < checkup->rules->len; i++) {
    const PinoRule *rule = checkup->rules->pdata[i];
    print_row_coloured(page, pino_rule_weight_name(rule->weight), colours[rule->weight],
                       g_strdup_printf("%s: %s", rule->feature, rule->text));
  }
}

static void print_advice(const Page *page, const PinoCheckup *checkup) {
  static const char *const colours[] = {
      [PINO_ADVICE_MUST] = "\033[1;31m", [PINO_ADVICE_WARNING] = "\033[33m", [PINO_ADVICE_NOTE] = "\033[2m"};
  if (checkup->advice->len > 0)
    printf("\nAdvice\n");
  for (guint i = 0; i < checkup->advice->len; i++) {
    const PinoAdvice *advice = &g_array_index(checkup->advice, PinoAdvice, i);
    print_row_coloured(page, pino_advice_weight_name(advice->weight), colours[advice->weight],
                       g_strdup(advice->text));
  }
  puts(checkup->complete ? "\nEverything that is needed is here."
                         : "\nSomething that is needed is missing: see the lines marked \"must\".");
}

static void print_checkup(const PinoCheckup *checkup) {
  static void (*const sections[])(const Page *, const PinoCheckup *) = {
      print_system,  print_places,    print_gpus,  print_memory, print_disks,
      print_network, print_addresses, print_tools, print_rules,  print_advice};
  Page page = page_here();
  for (guint i = 0; i < G_N_ELEMENTS(sections); i++)
    sections[i](&page, checkup);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

int pino_command_doctor(int argc, char **argv) {
  gboolean json = FALSE, no_network = FALSE;
  g_autofree char *platform = NULL;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON object", NULL},
      {"no-network", 0, 0, G_OPTION_ARG_NONE, &no_network,
       "Connect to nobody (PINOKIO_OFFLINE=1 does the same)", NULL},
      {"platform", 0, 0, G_OPTION_ARG_STRING, &platform, "Take this platform for granted", "ID"},
      G_OPTION_ENTRY_NULL,
  };
  g_autoptr(GError) error = NULL;
  int status;
  if (!pino_command_parse(
          "doctor",
          "Shows what this machine is and has (platform, places, GPU, CPU, RAM, disks, network, tools), and "
          "what to do where something is amiss. It connects to a few well-known hosts and sends nothing.",
          entries, 0, &argc, &argv, &status))
    return status;
  PinoCheckupOptions options = {.version = PINO_VERSION, .no_network = no_network};
  options.platform = platform != NULL ? platform : g_getenv("PINOKIO_PLATFORM");
  g_autoptr(PinoCheckup) checkup = pino_checkup_new(&options, &error);
  if (checkup == NULL) {
    pino_say_error(error);
    return PINO_EXIT_USAGE;
  }
  if (json) {
    g_autoptr(GString) out = g_string_new(NULL);
    pino_checkup_append_json(checkup, out);
    pino_put_line(out->str);
  } else {
    print_checkup(checkup);
  }
  return checkup->complete ? PINO_EXIT_OK : PINO_EXIT_FAILED;
}
