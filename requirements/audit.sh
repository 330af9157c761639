#!/bin/sh
# Audits what a release contains: audit.sh sbom [FILE] | advisories. Run by make, from the checkout's root.
# The tools are pinned and hashed in audit.txt and live in an environment of their own: they are no dependency of Accrual.
set -eu

what=${1:?usage: audit.sh sbom [FILE] | advisories}
tools=.venv/audit
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

if ! cmp -s requirements/audit.txt "$tools/.installed" 2>/dev/null; then
    rm -rf "$tools"
    .venv/bin/python -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --require-hashes -r requirements/audit.txt
    cp requirements/audit.txt "$tools/.installed"
fi

case $what in
sbom)
    out=${2:-dist/accrual.cdx.json}
    mkdir -p "$(dirname "$out")"
    # Only the runtime set: tools for tests and builds are not part of what runs.
    "$tools/bin/cyclonedx-py" requirements requirements/runtime.txt --pyproject pyproject.toml --mc-type application \
        --sv 1.6 --of JSON --short-PURLs --output-reproducible --output-file "$out"
    echo "Wrote $out"
    ;;
advisories)
    # Needs a source of advisories that can be reached; without one it fails and says so.
    exec "$tools/bin/pip-audit" --strict --require-hashes --disable-pip -r requirements/runtime.txt
    ;;
*)
    echo "unknown: $what" >&2
    exit 2
    ;;
esac
