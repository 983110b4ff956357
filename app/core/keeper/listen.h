/* The socket on which a detached keeper takes clients. */
#pragma once

/* Listens on path, which may be longer than a socket's address can be; mode 0600. Takes the place of a socket
 * that nobody serves. Returns a non-blocking socket, or -1 with errno (EADDRINUSE: another keeper lives there). */
int listen_at(const char *path);

/* Takes one waiting connection of this user; -1 when there is none. Others are turned away. */
int listen_accept(int listener);
