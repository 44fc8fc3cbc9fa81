#!/bin/sh
# Brings the real sparse 0.6.4 by apt, from Debian's source package, into a git repository: tag v0.6.4.
# Changes nothing in the host's own apt. Usage: fetch.sh [FOLDER], default ../../.grapevine/sparse
set -eu

version=0.6.4
# Upstream's file as Debian has published it since 2021.
sha256=bd98fd8a122ff79d38a81feb75ec728699101e80701f33f21180912c3c9e949c

fail() {
	echo "fetch.sh: $1" >&2
	exit 1
}

folder=${1:-$(dirname "$0")/../../.grapevine/sparse}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
repository=$folder/sparse.git

if git --git-dir="$repository" rev-parse -q --verify "v$version^{commit}" >/dev/null 2>&1; then
	echo "$repository: v$version is here"
	exit 0
fi

for tool in apt-get git tar gzip sha256sum; do
	command -v "$tool" >/dev/null ||
		fail "$tool is not there; this script needs Debian or Ubuntu with git (apt-get install git)"
done

archive=$folder/sparse_$version.orig.tar.gz
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# apt with folders of its own, so that the host's stay as they are and no root is needed.
own() {
	command=$1
	shift
	"$command" -q -o APT::Sandbox::User="$(id -un)" -o Dir::Etc::SourceList="$work/none" \
		-o Dir::Etc::SourceParts="$work/parts" -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

why() {
	grep -m1 '^E:' "$work/log" || tail -n1 "$work/log"
}

fetch() {
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts"
	: >"$work/none"
	# The host's own archives, as sources. Third parties have no sparse, and often no sources at all.
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		if [ -r "$file" ]; then sed -n 's/^deb[[:space:]]/deb-src /p' "$file"; fi
	done | grep -E 'debian|ubuntu' >"$work/parts/host.list" || true
	for file in /etc/apt/sources.list.d/*.sources; do
		grep -qE '^URIs:.*(debian|ubuntu)' "$file" 2>/dev/null || continue
		sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/$(basename "$file")"
	done

	echo "reading the list of source packages"
	own apt-get update >"$work/log" 2>&1 ||
		fail "apt cannot read the list of source packages: $(why); see that 'apt-get update' works"
	found=$(own apt-cache showsrc sparse 2>/dev/null | sed -n "s/^Version: \($version-.*\)/\1/p" | head -n1)
	[ -n "$found" ] ||
		fail "this machine's archives have no source package sparse $version; put ${archive##*/} into $folder yourself"
	echo "fetching sparse $found"
	(cd "$work" && own apt-get source --download-only "sparse=$found") >"$work/log" 2>&1 ||
		fail "apt cannot fetch sparse $found: $(why); try again later"
	mv "$work/${archive##*/}" "$archive"
}

[ -f "$archive" ] || fetch
echo "$sha256  $archive" | sha256sum --check --status ||
	fail "$archive is not the $version that this example is about; remove it and try again"

# Upstream's release as it is: the tests' known failures are those without Debian's patches.
tree=$work/tree
mkdir "$tree"
tar xzf "$archive" --strip-components=1 -C "$tree"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=sparse GIT_AUTHOR_EMAIL=linux-sparse@vger.kernel.org GIT_AUTHOR_DATE=2021-09-06T03:51:00Z
export GIT_COMMITTER_NAME=sparse GIT_COMMITTER_EMAIL=linux-sparse@vger.kernel.org GIT_COMMITTER_DATE=2021-09-06T03:51:00Z
git -C "$tree" init -q --object-format=sha1 -b master
git -C "$tree" add -A -f
git -C "$tree" commit -q -m "sparse $version"
git -C "$tree" tag -m "sparse $version" "v$version"
git clone -q --bare --no-local "$tree" "$work/sparse.git"
git --git-dir="$work/sparse.git" remote remove origin
rm -rf "$repository"
mv "$work/sparse.git" "$repository"
echo "$repository: v$version, $(git --git-dir="$repository" ls-tree -r --name-only "v$version" | wc -l) files"
