#!/usr/bin/env bash
# A real Slurm of two hosts, for tests: slurm.sh up FOLDER [SHARED ...], slurm.sh down FOLDER.
#
# All of it, the controller and a daemon for each host, lives in a network and a process space of its
# own, and each host in others inside that, with a name and a /tmp that the other does not see; what of
# /tmp they share are FOLDER and the SHARED. So nothing of this machine is changed, several such clusters
# do not meet, and one signal ends all. Who enters the network of the process in FOLDER/cluster.pid, with
# SLURM_CONF=FOLDER/slurm.conf, is at the cluster's login host.
#
# Needs root, and of Debian: slurmctld slurmd slurm-client munge iproute2.
set -euo pipefail
VERB=$1 FOLDER=$(realpath -m "$2") SHARED=("${@:2}")
NETWORK=10.99.0
HOSTS=(n1 n2)
export SLURM_CONF=$FOLDER/slurm.conf

write_configuration() {
  local host k=0
  {
    echo "127.0.0.1 localhost"
    echo "$NETWORK.254 login"
    for host in "${HOSTS[@]}"; do echo "$NETWORK.$((k += 1)) $host"; done
  } > "$FOLDER/hosts"
  cat > "$SLURM_CONF" << CONFIGURATION
ClusterName=tests
SlurmctldHost=login($NETWORK.254)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
# A job that went back to the queue begins again when its old credentials have expired.
AuthInfo=socket=$FOLDER/munge.socket,cred_expire=5
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool-%n
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/slurmd-%n.pid
SlurmctldLogFile=$FOLDER/slurmctld.log
SlurmdLogFile=$FOLDER/slurmd-%n.log
# Control groups are not ours to make where tests run.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout=30
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=100000
PartitionName=main Nodes=ALL Default=YES State=UP
CONFIGURATION
  k=0
  for host in "${HOSTS[@]}"; do
    echo "NodeName=$host NodeAddr=$NETWORK.$((k += 1)) CPUs=1 RealMemory=4000"
    mkdir -p "$FOLDER/spool-$host"
  done >> "$SLURM_CONF"
  mkdir -p "$FOLDER/state"
}

# What is process 1 of the cluster's space: ends with it everything that it started.
be_the_cluster() {
  local host pid k=0
  mount --bind "$FOLDER/hosts" /etc/hosts
  hostname login
  ip link set lo up
  ip link add switch type bridge
  ip address add "$NETWORK.254/24" dev switch
  ip link set switch up
  head -c 1024 /dev/urandom > "$FOLDER/munge.key"
  chmod 400 "$FOLDER/munge.key"
  munged --force --key-file="$FOLDER/munge.key" --socket="$FOLDER/munge.socket" \
    --pid-file="$FOLDER/munged.pid" --log-file="$FOLDER/munged.log" --seed-file="$FOLDER/munge.seed"
  slurmctld
  for host in "${HOSTS[@]}"; do
    unshare --net --uts --pid --fork --kill-child --mount --mount-proc "$0" "$host" "${SHARED[@]}" &
    pid=$!
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip link add "to-$host" type veth peer name eth0 netns "$pid"
    ip link set "to-$host" master switch up
    nsenter --target "$pid" --net sh -c "ip link set lo up
      ip address add $NETWORK.$((k += 1))/24 dev eth0
      ip link set eth0 up
      ip route add default via $NETWORK.254"
    touch "$FOLDER/$host.connected"
  done
  wait
}

# Process 1 of a host's space: not the daemon itself, for somebody has to bury what it leaves.
be_a_host() {
  hostname "$1"
  mount --bind "$FOLDER/hosts" /etc/hosts
  give_it_its_own_tmp
  until [ -e "$FOLDER/$1.connected" ]; do sleep 0.05; done
  slurmd -D -N "$1" &
  wait
}

give_it_its_own_tmp() {
  local own=$FOLDER/tmp-$VERB place
  mkdir -p "$own"
  mount -t tmpfs none "$own"
  for place in "${SHARED[@]}"; do
    [[ $place != /tmp/* ]] || { mkdir -p "$own/${place#/tmp/}" && mount --bind "$place" "$own/${place#/tmp/}"; }
  done
  mount --rbind "$own" /tmp
}

up() {
  mkdir -p "$FOLDER"
  chmod 700 "$FOLDER"
  write_configuration
  setsid unshare --net --uts --pid --fork --kill-child --mount --mount-proc "$0" cluster "${SHARED[@]}" \
    > "$FOLDER/cluster.log" 2>&1 < /dev/null &
  echo $! > "$FOLDER/cluster.pid"
  for _ in $(seq 300); do
    if at_login sinfo --noheader --format=%T 2> /dev/null | grep -qx idle \
      && [ "$(at_login sinfo --noheader --Node --format=%T | grep -cx idle)" = "${#HOSTS[@]}" ]; then
      return
    fi
    kill -0 "$(cat "$FOLDER/cluster.pid")" || break
    sleep 0.1
  done
  cat "$FOLDER"/*.log >&2
  down
  exit 1
}

at_login() { nsenter --target "$(cat "$FOLDER/cluster.pid")" --net --uts "$@"; }

down() { kill -KILL "$(cat "$FOLDER/cluster.pid")" 2> /dev/null || true; }

case $VERB in
  up) up ;;
  down) down ;;
  cluster) be_the_cluster ;;
  *) be_a_host "$VERB" ;;
esac
