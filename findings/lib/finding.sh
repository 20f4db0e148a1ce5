# What every finding does around its own lines: a temporary folder, environments of pinned packages, and the comparison of what
# the programs print with what the finding says. Lines that begin with # are details, which may differ between machines.
# Source it, then call
#   environment NAME PACKAGE==VERSION ...   makes the environment NAME; FINDINGS_PYTHON chooses another Python than python3
#   observe NAME < program                  runs a Python program in it; what it prints on standard output counts
#   expect < lines                          last: shows what was seen, and ends with 1 if it is not what is expected
set -eu

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
trap 'exit 130' INT TERM
: > "$FOLDER/seen"

environment() {
    name=$1
    shift
    "${FINDINGS_PYTHON:-python3}" -m venv "$FOLDER/$name"
    "$FOLDER/$name/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$@" >&2
}

observe() {
    cat > "$FOLDER/program.py"
    (cd "$FOLDER" && TF_CPP_MIN_LOG_LEVEL=3 "$1/bin/python" program.py > output 2> errors) || {
        cat "$FOLDER/errors" >&2
        exit 1
    }
    cat "$FOLDER/output"
    grep -v '^#' "$FOLDER/output" >> "$FOLDER/seen"
}

expect() {
    cat > "$FOLDER/expected"
    if diff "$FOLDER/expected" "$FOLDER/seen" > "$FOLDER/difference"; then
        echo "SAME: $(basename "$0") behaves as stated"
    else
        echo "CHANGED: $(basename "$0"): expected (<) and seen (>) differ"
        cat "$FOLDER/difference"
        exit 1
    fi
}
