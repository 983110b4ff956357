#include "lifecycle/conflict_rows.h"

#include <string.h>

#define MARKS(...)                                                                                           \
  (const char *const[]) {                                                                                    \
    __VA_ARGS__, NULL                                                                                        \
  }

/* Sources: the messages of glibc (strerror), git, curl, wget, pip, uv, npm, apt, CPython, PyTorch and huggingface_hub,
 * as they print them. The first row whose mark is found counts, so special ones stand before general ones. */
static const PinoFailure rows[] = {
    {.kind = "disk-full",
     .what = "the disk is full",
     .advice =
         "free some space (`pinokiocloud drive` shows what is shared), or put the home on a larger disk with "
         "PINOKIO_HOME; then install again",
     .lasting = TRUE,
     .marks = MARKS("No space left on device", "ENOSPC", "Disk quota exceeded", "(os error 28)", "EDQUOT")},
    {.kind = "gpu-memory",
     .what = "the GPU's memory is full",
     .advice = "stop other apps that use the GPU, or choose a smaller model",
     .marks = MARKS("CUDA out of memory", "HIP out of memory", "torch.OutOfMemoryError",
                    "CUDA error: out of memory")},
    {.kind = "out-of-memory",
     .what = "memory ran out",
     .advice = "stop other apps, or use a machine (or container) with more RAM; then install again",
     .exit_code = 137,
     .marks = MARKS("Cannot allocate memory", "MemoryError", "heap out of memory", "Out of memory",
                    "out of memory: Killed", "std::bad_alloc", ": Killed", "ENOMEM")},
    {.kind = "driver",
     .what = "the NVIDIA driver is older than this build of the packages wants",
     .advice = "take a machine with a newer driver, or a torch build for an older CUDA version",
     .marks = MARKS("driver version is insufficient", "NVIDIA driver on your system is too old",
                    "forward compatibility was attempted on non supported HW")},
    {.kind = "cuda-version",
     .what = "CUDA here and the CUDA that a package was built for differ",
     .advice =
         "install the torch build for the CUDA version that is here, or the CUDA version that torch wants",
     .marks = MARKS("mismatches the version that was used to compile",
                    "no kernel image is available for execution on the device",
                    "is not compatible with the current PyTorch installation", "CUDA version mismatch")},
    {.kind = "cuda-toolkit",
     .what = "a package is to be compiled for CUDA, and CUDA's compiler is not here",
     .advice = "use a ready-made wheel of the package, or a machine image with the CUDA toolkit (nvcc)",
     .marks = MARKS("CUDA_HOME environment variable is not set", "nvcc was not found", "nvcc: not found",
                    "nvcc: command not found", "'nvcc'", "Failed to find nvcc")},
    {.kind = "no-gpu",
     .what = "it wants an NVIDIA GPU, and none is found",
     .advice = "use a machine with an NVIDIA GPU, or the app's settings for the CPU",
     .marks = MARKS("Found no NVIDIA driver", "Torch not compiled with CUDA enabled",
                    "No CUDA GPUs are available", "no CUDA-capable device is detected")},
    {.kind = "python-headers",
     .what = "Python's headers are missing, which compiling a package wants",
     .advice = "install them: apt-get install python3-dev",
     .marks = MARKS("Python.h: No such file")},
    {.kind = "compiler",
     .what = "a package is to be compiled, and the compiler is not here",
     .advice = "install one: apt-get install build-essential cmake",
     .marks = MARKS("gcc: command not found", "gcc: not found", "g++: not found", "g++: command not found",
                    "gcc' failed: No such file", "g++' failed: No such file", "cc' failed: No such file",
                    "unable to execute 'gcc'", "unable to execute 'cc'", "COMPILER could be found",
                    "linker `cc` not found", "cmake: not found", "cmake: command not found",
                    "CMake must be installed", "make: command not found", "ninja: not found")},
    {.kind = "rust",
     .what = "a package is to be compiled with Rust, which is not here",
     .advice =
         "use a newer pip or another Python version, for which there is a ready-made wheel, or install Rust",
     .marks = MARKS("can't find Rust compiler", "cargo: not found", "cargo: command not found",
                    "requires Rust and Cargo")},
    {.kind = "git-lfs",
     .what = "git-lfs, which the repository's large files want, is not here",
     .advice = "install it: apt-get install git-lfs; then install again",
     .marks = MARKS("'lfs' is not a git command", "git-lfs: command not found", "git-lfs: not found",
                    "git-lfs filter-process' failed", "git-lfs was not found")},
    {.kind = "lfs-quota",
     .what = "the repository's owner has no transfer left for its large files",
     .advice = "try again another day, or get the files from another place",
     .marks = MARKS("over its data quota", "exceeded its LFS budget")},
    {.kind = "gated",
     .what = "a model on Hugging Face is only for those who have accepted its terms",
     .advice = "accept the terms on the model's page, and set HF_TOKEN to a token of yours (or run `hf auth "
               "login`)",
     .lasting = TRUE,
     .marks = MARKS("GatedRepoError", "Cannot access gated repo", "gated repo", "401 Client Error",
                    "403 Client Error", "RepositoryNotFoundError", "be authenticated to access it")},
    {.kind = "rate-limit",
     .what = "a server has had enough requests for now",
     .advice = "wait some minutes, then install again; a token (HF_TOKEN, GITHUB_TOKEN) raises the limit",
     .marks = MARKS("429 Client Error", "429 Too Many Requests", "HTTP error 429", "rate limit exceeded")},
    {.kind = "tls",
     .what = "a server's certificate is not trusted",
     .advice =
         "look at the machine's clock and its proxy; its certificates come from the package ca-certificates",
     .marks =
         MARKS("CERTIFICATE_VERIFY_FAILED", "SSL certificate problem", "certificate verification failed",
               "certificate verify failed", "SELF_SIGNED_CERT", "UNABLE_TO_GET_ISSUER_CERT",
               "UNABLE_TO_VERIFY_LEAF", "CERT_HAS_EXPIRED", "invalid peer certificate", "is not trusted")},
    {.kind = "dns",
     .what = "a host name could not be looked up",
     .advice = "look at the machine's network: without it nothing can be installed; then install again",
     .marks = MARKS("Could not resolve host", "failure in name resolution", "Name or service not known",
                    "ENOTFOUND", "EAI_AGAIN", "unable to resolve host", "Temporary failure resolving",
                    "Could not resolve proxy")},
    {.kind = "network",
     .what = "a connection broke or was not answered",
     .advice = "install again: finished steps are not done twice",
     .generic = TRUE,
     .marks = MARKS("Connection timed out", "Connection refused", "ECONNRESET", "ETIMEDOUT", "ECONNREFUSED",
                    "Network is unreachable", "ReadTimeoutError", "Max retries exceeded", "RPC failed; curl",
                    "Connection reset by peer", "IncompleteRead", "hung up unexpectedly", "early EOF",
                    "error sending request for url", "operation timed out", "ConnectTimeoutError")},
    {.kind = "externally-managed",
     .what = "pip was to change the system's own Python, which the system does not allow",
     .advice = "the app's script should name a `venv`; tell its author",
     .marks = MARKS("externally-managed-environment", "is externally managed")},
    {.kind = "apt-locked",
     .what = "another program installs system packages just now",
     .advice = "wait until it has ended, then install again",
     .marks = MARKS("Could not get lock /var/lib", "Unable to acquire the dpkg frontend lock")},
    {.kind = "not-root",
     .what = "system packages want root or sudo",
     .advice = "install them as root, or give this user sudo; then install again",
     .marks = MARKS("are you root?", "a password is required", "is not in the sudoers file",
                    "sudo: command not found", "sudo: not found")},
    {.kind = "apt-package",
     .what = "a system package is not there",
     .advice = "run `apt-get update` first; the name may also differ on this version of the system",
     .marks = MARKS("E: Unable to locate package", "has no installation candidate")},
    {.kind = "glibc",
     .what = "a package was built for a newer system than this one",
     .advice = "use a newer system image, or an older version of the package",
     .marks = MARKS("version `GLIBC_", "version `GLIBCXX_", "version `CXXABI_")},
    {.kind = "processor",
     .what = "a program uses instructions that this processor does not have",
     .advice = "use another build of the package, or another machine",
     .exit_code = 132,
     .marks = MARKS("Illegal instruction")},
    {.kind = "node-version",
     .what = "a package wants another version of Node.js",
     .advice = "install the version of Node.js that it names",
     .marks = MARKS("EBADENGINE", "The engine \"node\" is incompatible")},
    {.kind = "open-files",
     .what = "too many files were open at once",
     .advice = "raise the limit (`ulimit -n 65536`) where the engine is started",
     .marks = MARKS("Too many open files", "EMFILE")},
    {.kind = "permission",
     .what = "a file or folder may not be written",
     .advice = "look at whom the app's folder belongs to; it has to be the user that runs the engine",
     .generic = TRUE,
     .marks = MARKS("Permission denied", "EACCES", "Read-only file system")},
    {.kind = "missing-module",
     .what = "a Python module is missing",
     .advice = "install again; if it stays, a package was built without what it needs: tell the app's author",
     .generic = TRUE,
     .marks = MARKS("ModuleNotFoundError: ")},
    {.kind = "missing-header",
     .what = "compiling a package wants a system library that is not here",
     .advice = "install the library's -dev package with apt-get",
     .generic = TRUE,
     .marks = MARKS(".h: No such file or directory")},
    {.kind = "build",
     .what = "a Python package could not be built",
     .advice = "see the lines above it; often there is a ready-made wheel for another Python version",
     .generic = TRUE,
     .marks = MARKS("Failed building wheel for", "Failed to build", "build backend returned an error",
                    "metadata-generation-failed", "Failed to build installable wheels")},
    {.kind = "missing-program",
     .what = "a program is not here",
     .advice = "install it, or the machine image that the app was made for",
     .exit_code = 127,
     .generic = TRUE,
     .marks = MARKS(": command not found", ": not found")},
    {.kind = "crash",
     .what = "a program crashed",
     .advice = "install again; if it stays, tell the app's author",
     .exit_code = 139,
     .generic = TRUE,
     .marks = MARKS("Segmentation fault", "core dumped")},
};

const PinoFailure *pino_failure_in(const char *line) {
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    for (gsize j = 0; rows[i].marks[j] != NULL; j++) {
      if (strstr(line, rows[i].marks[j]) != NULL)
        return &rows[i];
    }
  }
  return g_str_equal(line, "Killed") ? pino_failure_of_exit(137) : NULL;
}

const PinoFailure *pino_failure_of_exit(int exit_code) {
  for (gsize i = 0; exit_code > 0 && i < G_N_ELEMENTS(rows); i++) {
    if (rows[i].exit_code == exit_code)
      return &rows[i];
  }
  return NULL;
}

const char *pino_trouble_advice(const char *kind) {
  static const char *const advice[][2] = {
      {"conflict",
       "the app asks for packages that exclude each other: update the app (`pinokiocloud update`), or "
       "tell its author which two"},
      {"incompatible",
       "it was installed all the same; if the app fails over this, update it, or tell its author"},
      {"no-version",
       "the name may be wrong, or there is none for this Python version, system or index: tell the "
       "app's author"},
      {"python-version",
       "the app's script should name a fitting version (`venv_python`): update the app, or tell "
       "its author"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(advice); i++) {
    if (g_str_equal(advice[i][0], kind))
      return advice[i][1];
  }
  return "";
}
