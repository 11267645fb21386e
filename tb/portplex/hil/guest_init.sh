#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# First process of the guest. The kernel's console is ttyS0; Python sends commands over a virtio port; hvc0 is for people.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=vt100 PS1='guest# '
mkdir -p /proc /sys /dev /tmp /root /mnt /etc
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
ln -sf /proc/mounts /etc/mtab
while read -r module; do insmod "/modules/$module" || echo "insmod $module failed"; done </modules/order
echo 60 >/proc/sys/kernel/hung_task_timeout_secs
ip link set lo up

cd /root
python=$(grep -l python /sys/class/virtio-ports/*/name)
python=${python%/name}
(echo @@ready; setsid sh) <>"/dev/${python##*/}" >&0 2>&1 &
# The leader of a session gets the first terminal it opens.
while :; do
    setsid sh -c 'exec sh </dev/hvc0 >/dev/hvc0 2>&1'
    printf '\035' >/dev/hvc0
done
