# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What DKMS makes of drivers/, for one kernel: `sh dkms.sh DRIVERS KERNEL RELEASE`, in an empty directory. What DKMS
# has, and would put below /, is in here.
drivers=$1 kernel=$2 release=$3
remark() { tail -n 5 log | tr '\n' ' '; }
dkms() {
	echo "+ dkms $*" >>log
	# Programs such as these look for what is to be started after them in /lib and /etc.
	command dkms "$@" --dkmstree "$PWD/state" --sourcetree "$PWD/src" --installtree "$PWD/modules" --no-depmod \
		>output 2>&1 && ended=0 || ended=$?
	cat output
	cat output >>log
	return $ended
}
for_kernel() { dkms "$@" -k "$release" --kernelsourcedir "$kernel"; }
# The drivers in a folder of them, and those that are installed.
folders() { (cd "$1" && ls -d */manifest.toml | sed 's,/.*,,'); }
installed() { find modules -name '*.ko*' | sed 's,.*/,,; s,\.ko.*,,' | sort; }
is_state() { dkms status "rloop/$1" | grep -q "$release.*: $2$"; }
# What all modules that are installed say of themselves.
say() { find modules -name '*.ko*' | xargs modinfo -F "$1" | cut -d' ' -f1 | sort -u; }
# `excludes RELEASE KERNEL`: DKMS says that this one is not for it, which its status is 77 for.
excludes() {
	dkms build "rloop/$version" -k "$1" --kernelsourcedir "$2"
	[ $? -eq 77 ] && grep -q BUILD_EXCLUSIVE output
}
# What dkms.conf has DKMS build for a kernel with the options $1.
for_options() {
	rm -rf other
	mkdir -p other/include/config
	echo "$1" | tee other/.config >other/include/config/auto.conf
	env -i PATH="$PATH" bash -c 'kernel_source_dir=other dkms_tree=state kernelver=other arch=other
		. "$0/dkms.conf"; echo "${BUILT_MODULE_NAME[*]}"' "$drivers"
}

mkdir -p state src "modules/$release"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$drivers/dkms.conf")

# Kernels that lack what a driver needs, or all of them.
check 'dkms/add' dkms add "$drivers"
check 'dkms/sources' test -e "src/rloop-$version/dkms.conf"
check 'dkms/needs' test "$(for_options CONFIG_NET=y | grep -wo -e netdrv -e snd-rloop)" = netdrv
check 'dkms/no-rust' excludes "$release-no-rust" "$PWD/other"
check 'dkms/too-old' excludes 6.12.0 "$kernel"
# `with_rust RUSTC`: for a kernel built by that one.
with_rust() {
	for_options "CONFIG_RUST=y
CONFIG_RUSTC_VERSION_TEXT=\"$1\"" >>log
}
with_rust "$(rustc --version)"
check 'dkms/no-metadata' excludes "$release-metadata" "$PWD/other"
with_rust 'rustc 1.0.0'
mkdir other/rust
: >other/rust/libkernel.rmeta
check 'dkms/another-rustc' excludes "$release-rustc" "$PWD/other"

# An earlier version, of two drivers.
earlier=0.0.1
mkdir earlier
cp -r "$drivers/." earlier
for name in $(folders earlier | tail -n +3); do
	rm -r "earlier/$name"
done
sed -i "/_VERSION/s/\"$version\"/\"$earlier\"/" earlier/dkms.conf earlier/lib/helpers/kernel.c
check 'dkms/add-earlier' dkms add "$PWD/earlier"
check 'dkms/install' for_kernel install "rloop/$earlier"
check 'dkms/its-drivers' test "$(installed)" = "$(folders earlier)"
check 'dkms/its-version' test "$(say version)" = $earlier
check 'dkms/it-is-installed' is_state $earlier installed

check 'dkms/build' for_kernel build "rloop/$version"
check 'dkms/upgrade' for_kernel install "rloop/$version"
check 'dkms/all-drivers' test "$(installed)" = "$(folders "$drivers")"
check 'dkms/for-the-kernel' test "$(say vermagic)" = "$release"
check 'dkms/version' test "$(say version)" = "$version"
check 'dkms/status' is_state "$version" installed

check 'dkms/remove' dkms remove "rloop/$version" --all
check 'dkms/remove-earlier' dkms remove "rloop/$earlier" --all
check 'dkms/nothing-is-left' test -z "$(installed)$(dkms status)"
exit $status
