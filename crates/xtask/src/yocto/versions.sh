#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# $0 CONFIGURATION: what packages and SBOMs say of where they are from, in a checkout whose remote has a secret in its URL.

set -e
configuration=$1
source=$PWD

# value RECIPE VARIABLE: where the sources are in $source
value() {
	python3 -m kas shell "$configuration" -c "export RLOOP_SRC=$source
		export BB_ENV_PASSTHROUGH_ADDITIONS=\"\$BB_ENV_PASSTHROUGH_ADDITIONS RLOOP_SRC\"
		bitbake-getvar --quiet --value -r $1 $2" | tail -n 1
}

# expect WHAT PATTERN VALUE
expect() {
	# shellcheck disable=SC2254  # it is a pattern
	case $3 in
	$2) echo "$1: $3" ;;
	*)
		echo "$1: expected $2, came $3"
		exit 1
		;;
	esac
}

# purls RECIPE: that of these sources, and oe-core's
purls() {
	vcs=git%2Bhttps%3A%2F%2Fgit.example%2Frloop.git%40$(git log -1 --format=%H)
	echo "pkg:generic/$1@0.1.0[?]vcs_url=$vcs pkg:yocto/rloop/$1@0.1.0"
}

git remote remove origin 2>/dev/null || true
git remote add origin 'https://user:secret@git.example/rloop.git?token=secret'
commit=$(git log -1 --format=%ct.%h --abbrev=10)
expect 'version of snd-rloop' "0.1.0~git$commit" "$(value snd-rloop PKGV)"
expect 'version of vhost-device-sound-alsa' '0.3.0+git*' "$(value vhost-device-sound-alsa PKGV)"
expect 'purls of snd-rloop' "$(purls snd-rloop)" "$(value snd-rloop SPDX_PACKAGE_URLS | xargs)"
expect 'purls of rloop' "$(purls rloop)" "$(value rloop SPDX_PACKAGE_URLS | xargs)"
expect 'purls of vhost-device-sound-alsa' '* pkg:cargo/vhost-device-sound@0.3.0' \
	"$(value vhost-device-sound-alsa SPDX_PACKAGE_URLS | xargs)"

# What is only in the layer counts as well, for the recipe that it belongs to.
rules=meta-rloop/recipes-virtio/virtio-loopback-adapter-rs/virtio-loopback-adapter-rs/60-virtio-loopback.rules
echo '# edited' >>$rules
expect 'version after an edit' "0.1.0~git$commit+edited" "$(value virtio-loopback-adapter-rs PKGV)"
expect 'version of another recipe' "0.1.0~git$commit" "$(value snd-rloop PKGV)"
git checkout -q $rules

# A path is where this repository can be had by nobody else.
git remote set-url origin "$PWD"
expect 'purls by a path' pkg:yocto/rloop/snd-rloop@0.1.0 "$(value snd-rloop SPDX_PACKAGE_URLS | xargs)"

# As part of somebody's repository it has not that one's commits.
rm -rf ../around
mkdir ../around
cp -a . ../around/rloop
mv ../around/rloop/.git ../around/
git -C ../around remote set-url origin https://git.example/around.git
git -C ../around add --all
git -C ../around commit -qm 'all of it'
source=$(cd ../around/rloop && pwd)
expect 'version in another repository' 0.1.0 "$(value snd-rloop PKGV)"
expect 'purls in another repository' pkg:yocto/rloop/snd-rloop@0.1.0 "$(value snd-rloop SPDX_PACKAGE_URLS | xargs)"
