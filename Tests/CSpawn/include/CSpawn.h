#ifndef CSPAWN_H
#define CSPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/// Starts the program at arguments[0] in the root folder, with default signals, streams[0..2] as its standard input,
/// output and error, and no other open file. Swift sees too little of glibc's spawn.h to do this itself.
///
/// new_session detaches it from our terminal and process group. Gives 0, or an errno value; *child is the process id.
int cspawn(
    pid_t *child, char *const arguments[], char *const environment[], const int streams[3], bool new_session);

#endif
