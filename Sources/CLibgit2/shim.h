#ifndef STAGEKEEPER_CLIBGIT2_SHIM_H
#define STAGEKEEPER_CLIBGIT2_SHIM_H
#include <git2.h>
#include <git2/sys/transport.h>
#include <git2/sys/stream.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#endif
