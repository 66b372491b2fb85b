#!/usr/bin/env bash
# build-image.sh FOLDER - makes the guest of the VM tests: FOLDER/root.img (ext4, no partition table), FOLDER/vmlinux, FOLDER/initrd.img.
# Root only. Everything comes from this machine's own apt sources. About a minute.
#
# What makes it start fast under emulation: the kernel is not compressed and is loaded without a boot loader; the initrd is a busybox
# with the modules of the root disk; services that do nothing for a test are masked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=packaging/lib.sh
. "$here/../../packaging/lib.sh"
to=$(realpath "${1:?build-image.sh needs a folder}")
suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
root=$to/root

# What a test waits for at every start, and never needs.
masked=(apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
    systemd-pstore.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount
    systemd-hwdb-update.service systemd-binfmt.service getty@tty1.service systemd-update-utmp.service
    systemd-update-utmp-runlevel.service nfs-blkmap.service rpc-svcgssd.service)

# Not installed but unpacked: the package would have an initrd made, which takes longer than all the rest and is not used.
# shellcheck disable=SC2016
unpack_kernel='set -eu
    export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
    cd "$1"
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk "\$1 == \"Depends:\" { print \$2; exit }")
    apt-get download -q "$kernel"
    dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -x --keep-directory-symlink
    rm "$kernel"_*.deb'

install_root() {
    local packages sources
    packages=$(sed 's/#.*//' "$here/guest-packages.txt" | tr -s '[:space:]' '\n' | sed '/^$/d' | paste -sd, -)
    sources=$(apt_sources "$suite" "$keyring")
    if [[ -z $sources ]]; then
        say "this machine's apt has no source of Debian $suite"
        return 1
    fi
    apt_options >"$to/apt.conf"
    printf '%s\n' "$sources" | mmdebstrap --quiet --mode=root --variant=minbase --keyring="$keyring" --aptopt="$to/apt.conf" \
        --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --customize-hook="$unpack_kernel" --include="$packages" "$suite" "$root" -
}

configure_root() {
    local unit
    echo guest >"$root/etc/hostname"
    printf '127.0.0.1 localhost guest\n::1 localhost\n' >"$root/etc/hosts"
    printf '/dev/root / ext4 defaults,noatime 0 0\n' >"$root/etc/fstab"
    : >"$root/etc/machine-id"
    chroot "$root" passwd -q -d root
    for unit in "${masked[@]}"; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    # The server is started by the tests that want one.
    chroot "$root" systemctl -q disable nfs-server.service rpcbind.service rpcbind.socket nfs-client.target 2>/dev/null || true
    mkdir -p "$root/srv/nfs" "$root/var/log/journal" "$root/etc/systemd/journald.conf.d"
    echo '/srv/nfs 127.0.0.0/8(rw,sync,no_subtree_check,no_root_squash,insecure,fsid=0,crossmnt)' >"$root/etc/exports"
    # The journal outlives a reboot; what a test asks about must not be dropped for its rate.
    printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/tests.conf"
    # The guest agent would log each look at a command that runs.
    mkdir -p "$root/etc/systemd/system/qemu-guest-agent.service.d"
    printf '[Service]\nLogLevelMax=warning\n' >"$root/etc/systemd/system/qemu-guest-agent.service.d/quiet.conf"
    cat >"$root/etc/systemd/system/guest-ready.service" <<'UNIT'
[Unit]
Description=Tell the host that the machine is up
DefaultDependencies=no
After=multi-user.target qemu-guest-agent.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo GUEST-READY >/dev/ttyS0'

[Install]
WantedBy=multi-user.target
UNIT
    chroot "$root" systemctl -q enable guest-ready.service qemu-guest-agent.service
    chroot "$root" python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11 >/dev/null 2>&1 || true
    touch "$root/etc/.updated" "$root/var/.updated"
}

# The modules that NAME... need, in the order of loading.
modules() {
    local version=$1 name
    shift
    for name in "$@"; do
        chroot "$root" modprobe -S "$version" -D "$name" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
    done | awk '!seen[$0]++'
}

make_initrd() {
    local version=$1 tree=$to/initrd path
    mkdir -p "$tree"/{bin,dev,modules,new,proc}
    cp "$root/bin/busybox" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    : >"$tree/modules/list"
    while read -r path; do
        cp "$root$path" "$tree/modules/"
        basename "$path" >>"$tree/modules/list"
    done < <(modules "$version" virtio_pci virtio_blk virtio_scsi sd_mod virtio_console virtio_rng virtio_net ext4)
    cat >"$tree/init" <<'INIT'
#!/bin/sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
while read -r module; do
    $b insmod "/modules/$module"
done </modules/list
tries=0
while ! [ -b /dev/vda ] && [ $tries -lt 500 ]; do
    $b usleep 20000
    tries=$((tries + 1))
done
$b mount -t ext4 -o rw,noatime /dev/vda /new || exec /bin/sh
$b mount -o move /dev /new/dev
exec $b switch_root /new /sbin/init
INIT
    chmod 0755 "$tree/init"
    (cd "$tree" && find . | cpio --quiet -o -H newc) >"$to/initrd.img"
    rm -r "$tree"
}

mkdir -p "$to"
install_root
configure_root
version=$(ls "$root/lib/modules")
chroot "$root" depmod "$version"
make_initrd "$version"
python3 "$here/vmlinux.py" "$root/boot/vmlinuz-$version" "$to/vmlinux"
rm -f "$root"/boot/System.map* "$to/apt.conf"
truncate -s 4G "$to/root.img"
mke2fs -q -t ext4 -L guest -E lazy_itable_init=1,lazy_journal_init=1 -m 0 -d "$root" "$to/root.img"
rm -rf --one-file-system "$root"
