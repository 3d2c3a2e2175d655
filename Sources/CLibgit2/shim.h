/* What Swift's importer cannot see of libgit2: variadic calls and macros. Nothing here but thin static
   inline functions. */
#ifndef STAGEKEEPER_CLIBGIT2_SHIM_H
#define STAGEKEEPER_CLIBGIT2_SHIM_H
#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/stream.h>
#include <git2/sys/transport.h>

/* GIT_OPT_SET_SEARCH_PATH: where configuration of that level is looked for. */
static inline int stagekeeper_git_set_search_path(git_config_level_t level, const char *path) {
  return git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, path);
}

/* GIT_OPT_SET_SSL_CERT_LOCATIONS: the authorities that TLS servers are verified against; process-wide. */
static inline int stagekeeper_git_set_certificate_file(const char *file) {
  return git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, (const char *)0);
}

/* GIT_OPT_ENABLE_FSYNC_GITDIR: whether files that are written into repositories are synchronized. */
static inline int stagekeeper_git_set_synchronization(int enabled) {
  return git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, enabled);
}

/* git_error_set_str keeps a message for git_error_last. */
static inline void stagekeeper_git_set_error(const char *message) {
  git_error_set_str(GIT_ERROR_NET, message);
}
#endif
