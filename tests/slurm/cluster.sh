#!/usr/bin/env bash
# A Slurm cluster of two nodes on this machine, without systemd: a munged, a slurmctld and two slurmd, all in one folder
# and on ports of loopback.
#
#   cluster.sh up DIR      starts it and waits until both nodes are idle; then use SLURM_CONF=DIR/slurm.conf
#   cluster.sh hold DIR N  waits until node N runs something, and stops it where it is
#   cluster.sh kill DIR N  kills node N's slurmd (1 or 2) and what it runs, as a crash does
#   cluster.sh start DIR N starts it again
#   cluster.sh down DIR    ends all that was started
#
# Takes root (a slurmd starts jobs as other users) and Debian's slurm-wlm and munge.
set -euo pipefail
action=$1
dir=$(readlink -f "$2")
node=${3:-}
host=$(hostname -s)
export SLURM_CONF=$dir/slurm.conf

say() { printf 'cluster.sh: %s\n' "$*" >&2; }

# wait_for SECONDS COMMAND...
wait_for() {
  local left=$(($1 * 5))
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

nodes_idle() { [ "$(sinfo --noheader --Node --format=%T 2>/dev/null | sort -u)" = idle ]; }

write_config() {
  local base=$((20000 + RANDOM % 20000))
  cat >"$dir/slurm.conf" <<CONF
ClusterName=uhaul
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdSpoolDir=$dir/spool-%n
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmdLogFile=$dir/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=${SLURMD_TIMEOUT:-6}
InactiveLimit=0
KillWait=2
MaxArraySize=${MAX_ARRAY_SIZE:-1001}
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + 1)) CPUs=1
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + 2)) CPUs=1
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
CONF
}

start_node() { slurmd -N "node$1"; }

up() {
  local dir_of_munge=$dir/munge
  mkdir -p "$dir/state" "$dir/spool-node1" "$dir/spool-node2" "$dir_of_munge"
  chmod 755 "$dir" "$dir_of_munge"
  head -c 1024 /dev/urandom >"$dir_of_munge/key"
  chmod 600 "$dir_of_munge/key"
  munged --force --key-file="$dir_of_munge/key" --socket="$dir_of_munge/socket" --pid-file="$dir_of_munge/pid" \
    --log-file="$dir_of_munge/log" --seed-file="$dir_of_munge/seed" 2>/dev/null
  write_config
  slurmctld
  start_node 1
  start_node 2
  wait_for 30 nodes_idle || {
    say "the nodes are not idle after 30 s"
    tail -n 20 "$dir"/*.log >&2
    exit 1
  }
}

# Ends the process that a pid file names, if it is there.
end() { # FILE SIGNAL
  local pid
  [ -f "$1" ] || return 0
  pid=$(cat "$1")
  kill -s "$2" "$pid" 2>/dev/null || return 0
  wait_for 10 eval "! kill -0 $pid 2>/dev/null" || kill -s KILL "$pid" 2>/dev/null || true
}

# What jobs of this cluster run on a node ("": on any), by what Slurm put into their environment: it outlives a slurmd.
jobs_on() {
  local proc
  for proc in /proc/[0-9]*; do
    { tr '\0' '\n' <"$proc/environ"; } 2>/dev/null | sort -u | grep -cxE "SLURM_CONF=$dir/slurm.conf|SLURMD_NODENAME=node${1:-[12]}" |
      grep -qx 2 && printf '%s ' "${proc#/proc/}"
  done
  return 0
}

kill_jobs() {
  local pid
  for pid in $(jobs_on "$1"); do kill -s KILL "$pid" 2>/dev/null || true; done
}

# A task that has begun and does not end. While its processes are listed it may start another: until there are no new ones.
hold() {
  local pid pids='' held=none
  wait_for 60 eval '[ -n "$(jobs_on '"$node"')" ]'
  until [ "$pids" = "$held" ]; do
    held=$pids
    pids=$(jobs_on "$node")
    for pid in $pids; do kill -s STOP "$pid" 2>/dev/null || true; done
  done
}

case $action in
  up) up ;;
  hold) hold ;;
  kill)
    end "$dir/slurmd-node$node.pid" KILL
    kill_jobs "$node"
    ;;
  start) start_node "$node" ;;
  down)
    end "$dir/slurmd-node1.pid" TERM
    end "$dir/slurmd-node2.pid" TERM
    end "$dir/slurmctld.pid" TERM
    end "$dir/munge/pid" TERM
    kill_jobs ""
    ;;
  *) say "unknown: $action"; exit 64 ;;
esac
