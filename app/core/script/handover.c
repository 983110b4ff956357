#include "script/handover.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct _PinoHandover {
  PinoShell *shell;
  int terminal;
  struct termios before;
  struct winsize size;
  GSource *reader;
};

/* The terminal's size is looked at with what is typed: a person who resizes a window types next. */
static void pass_size(PinoHandover *handover) {
  struct winsize size;
  if (ioctl(handover->terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return;
  if (size.ws_col == handover->size.ws_col && size.ws_row == handover->size.ws_row)
    return;
  handover->size = size;
  pino_shell_resize(handover->shell, size.ws_col, size.ws_row);
}

static gboolean on_typed(gint fd, GIOCondition condition, gpointer data) {
  PinoHandover *handover = data;
  char bytes[4096];
  pass_size(handover);
  gssize count = read(fd, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (count <= 0)
    return G_SOURCE_REMOVE;
  pino_shell_write_input(handover->shell, bytes, (gsize)count, NULL);
  return G_SOURCE_CONTINUE;
}

PinoHandover *pino_handover_begin(PinoShell *shell, int terminal) {
  struct termios before;
  if (terminal < 0 || tcgetattr(terminal, &before) != 0)
    return NULL;
  PinoHandover *handover = g_new0(PinoHandover, 1);
  handover->shell = shell;
  handover->terminal = terminal;
  handover->before = before;
  struct termios raw = before;
  cfmakeraw(&raw);
  tcsetattr(terminal, TCSADRAIN, &raw);
  pino_shell_set_attended(shell, TRUE);
  pass_size(handover);
  handover->reader = g_unix_fd_source_new(terminal, G_IO_IN | G_IO_HUP);
  g_source_set_callback(handover->reader, G_SOURCE_FUNC(on_typed), handover, NULL);
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
  g_source_attach(handover->reader, context);
  return handover;
}

void pino_handover_end(PinoHandover *handover) {
  if (handover == NULL)
    return;
  g_source_destroy(handover->reader);
  g_source_unref(handover->reader);
  tcsetattr(handover->terminal, TCSADRAIN, &handover->before);
  pino_shell_set_attended(handover->shell, FALSE);
  g_free(handover);
}
