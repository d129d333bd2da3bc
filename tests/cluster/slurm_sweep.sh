#!/usr/bin/env bash
# A real Slurm on this one machine, and sweeps on it:   bash tests/cluster/slurm_sweep.sh PYTHON
#
# PYTHON has the package with its extra `cluster`. Slurm's daemons (Debian packages slurm-wlm and munge, installed here if
# that is possible) run on loopback from a temporary folder, and are stopped at the end by their process ids.
#
# 1. a sweep in one process: what the others are compared with
# 2. the same through dask-jobqueue, one job of which is cancelled on the way
# 3. the same as a job array, one task of which is killed on the way; the store is not complete, and the array is run again
# 4. all three stores hold the same results, to the bit
#
# Left out, with the reason and exit code 0, only where there is no Slurm and none can be installed; anything else that goes
# wrong is a failure. Every step has a time limit: the whole takes two to three minutes on an idle machine.
set -euo pipefail

python=$(command -v "${1:?usage: slurm_sweep.sh PYTHON}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")  # jobs start elsewhere
work=$(mktemp -d)
chmod 755 "$work"
export SLURM_CONF=$work/slurm.conf

say() { printf '[slurm %3d s] %s\n' "$SECONDS" "$*"; }
leave_out() {
  say "left out: $*"
  rm -rf "$work"
  exit 0
}
die() {
  say "FAILED: $*"
  tail -n 20 "$work"/*.log "$work"/logs/* 2>/dev/null || true
  exit 1
}
# in the foreground group, so that an interruption from the keyboard reaches it
limited() { timeout --foreground --kill-after=10 "$@"; }
sweep() { limited 180 "$python" -W ignore -m countersmuggling.experiments.cli sweep "$work/design.yaml" "$@"; }
parts() { find "$1/parts" -mindepth 1 -maxdepth 1 -not -name '.*' 2>/dev/null | wc -l; }
# until CONDITION SECONDS: wait for a command to succeed
until_true() {
  local condition=$1 left=$(($2 * 5))
  while ! eval "$condition"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.2
  done
}

# ---------------------------------------------------------------- Slurm

have_slurm() { PATH=$PATH:/usr/sbin command -v slurmctld slurmd munged sbatch >/dev/null; }
export PATH=$PATH:/usr/sbin
[ "$(uname -s)" = Linux ] || leave_out "Slurm runs on Linux, and this is $(uname -s)"
if ! have_slurm; then
  command -v apt-get >/dev/null || leave_out "there is no Slurm, and no apt-get to install it with"
  if [ "$(id -u)" != 0 ]; then leave_out "there is no Slurm, and only the superuser can install it (this is $(id -un))"; fi
  say "installing Slurm"
  export DEBIAN_FRONTEND=noninteractive
  apt() { limited 300 apt-get -o DPkg::Lock::Timeout=120 "$@" >>"$work/apt.log" 2>&1; }
  packages=(install -y --no-install-recommends slurm-wlm munge)
  if ! apt "${packages[@]}"; then
    { apt update && apt "${packages[@]}"; } ||
      leave_out "apt-get could not install slurm-wlm and munge: $(grep '^E:' "$work/apt.log" | tail -n1 || tail -n1 "$work/apt.log")"
  fi
  have_slurm || leave_out "the packages slurm-wlm and munge do not bring slurmctld, slurmd, munged and sbatch"
fi

queue() { limited 20 squeue --noheader "$@"; }
stop() {
  set +e
  [ -z "${submitter:-}" ] || kill "$submitter" 2>/dev/null
  # jobs first: once slurmd has gone nobody ends them
  limited 20 scancel --user="$(id -un)" 2>/dev/null
  until_true '[ -z "$(queue 2>/dev/null)" ]' 15 || limited 20 scancel --full --signal=KILL --user="$(id -un)" 2>/dev/null
  for daemon in slurmd slurmctld munged; do
    stop_daemon "$(cat "$work/run/$daemon.pid" 2>/dev/null)"
  done
  rm -rf "$work"
}
# by its process id, and by force when it does not go
stop_daemon() {
  [ -n "$1" ] && kill "$1" 2>/dev/null || return 0
  until_true "! kill -0 $1 2>/dev/null" 10 || kill -KILL "$1" 2>/dev/null
}
trap stop EXIT

mkdir -p "$work"/{run,state,spool,logs}
chmod 755 "$work/run"
free_ports=$("$python" -c '
import socket
found = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in found))')
read -r controller_port node_port <<<"$free_ports"
head -c 1024 /dev/urandom >"$work/munge.key"
chmod 400 "$work/munge.key"
munged --force --key-file="$work/munge.key" --socket="$work/run/munge" --pid-file="$work/run/munged.pid" \
  --log-file="$work/munged.log" --seed-file="$work/state/munge.seed"
host=$(hostname -s)
memory=$(awk '/^MemTotal/ {print int($2 / 1100)}' /proc/meminfo)
cat >"$SLURM_CONF" <<EOF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
AuthType=auth/munge
AuthInfo=socket=$work/run/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/run/slurmctld.pid
SlurmdPidFile=$work/run/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=5
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF"
until_true 'limited 20 sinfo --noheader -o %T 2>/dev/null | grep -q idle' 20 || die "the node does not come up: $(sinfo 2>&1)"
say "$(slurmctld -V) is up, one node of 2 processors"

# ---------------------------------------------------------------- 1. the comparison

cat >"$work/design.yaml" <<'EOF'
question: Does a sweep on a cluster give what it gives in one process?
set:
  model: {persons_per_agent: 1000, networks: 30}
  horizon: {start: 2025-01-01, end: 2025-03-31, burn_in_days: 10}
policies:
  status-quo: baseline-2025
  directive:
    scenario: facilitation-directive-commission
    set: {levers: {penalties: {on: 2025-01-01, ramp_days: 0}}}
factors:
  levers.penalties.intensity: {low: 0, high: 2}
  uncertainties.demand_growth_per_year: {low: -0.1, high: 0.1}
sampling: {method: latin_hypercube, points: 2, seed: 1}
replicates: 4
keep: [route]
EOF
sweep --out "$work/alone" --engine in-process --quiet >/dev/null
planned=$("$python" -c "import sys; from countersmuggling import open_results; print(open_results('$work/alone').planned)")
say "in one process: $planned runs"

# ---------------------------------------------------------------- 2. dask-jobqueue

cat >"$work/cluster.yaml" <<EOF
jobs: 2
options:
  queue: main
  cores: 1
  memory: 1GB
  walltime: "00:10:00"
  interface: lo
  scheduler_options: {interface: lo, dashboard: false}
  local_directory: $work/spool
  log_directory: $work/logs
EOF
sweep --out "$work/dask" --cluster slurm --cluster-config "$work/cluster.yaml" --batch 1 --quiet >"$work/dask.log" 2>&1 &
submitter=$!
until_true '[ "$(parts "$work/dask")" -ge 3 ] || ! kill -0 $submitter 2>/dev/null' 120 || die "no results from the jobs"
running=$(queue --states=RUNNING -o %A | head -n1)
[ -n "$running" ] || die "no job is running: $(cat "$work/dask.log")"
limited 20 scancel --signal=KILL --full "$running"
at=$(parts "$work/dask")
wait $submitter || die "the sweep through dask-jobqueue ended with $?: $(cat "$work/dask.log")"
submitter=
[ "$at" -lt "$planned" ] || die "the job was killed too late to mean anything"
say "through dask-jobqueue: finished, though job $running was killed after $at of $planned runs"

# ---------------------------------------------------------------- 3. a job array

until_true '[ -z "$(queue)" ]' 60 || limited 20 scancel --user="$(id -un)"
cat >"$work/array.sh" <<EOF
#!/usr/bin/env bash
exec $python -W ignore -m countersmuggling.experiments.cli sweep $work/design.yaml --out $work/array --engine in-process \\
  --shard \$SLURM_ARRAY_TASK_ID/\$SLURM_ARRAY_TASK_COUNT --batch 1 --quiet
EOF
submit() { limited 180 sbatch --parsable --array=1-2 --cpus-per-task=1 --time=10 --output="$work/logs/array-%A-%a.log" "$@" "$work/array.sh"; }
sweep --out "$work/array" --prepare --quiet >/dev/null
array=$(submit)
until_true '[ "$(parts "$work/array")" -ge 2 ]' 120 || die "no results from the array"
task=$(queue --states=RUNNING -o %i -j "$array" | head -n1)
[ -n "$task" ] || die "no task of the array is running"
limited 20 scancel --signal=KILL --full "$task"
until_true '[ -z "$(queue -j "$array" 2>/dev/null)" ]' 120 || die "the array does not end"
if sweep --out "$work/array" --status >"$work/status.log"; then die "nothing is missing after task $task was killed"; fi
say "as a job array: task $task was killed; $(head -n1 "$work/status.log" | cut -d: -f1)"
submit --wait >/dev/null || die "the array, run again, failed"
sweep --out "$work/array" --status >"$work/status.log" || die "runs are missing after the array was run again: $(cat "$work/status.log")"
say "the array run again: $(head -n1 "$work/status.log" | cut -d: -f1)"

# ---------------------------------------------------------------- 4. the same results

limited 120 "$python" - "$work"/{alone,dask,array} <<'EOF' || die "results differ"
import sys
from countersmuggling import open_results

found = [open_results(folder) for folder in sys.argv[1:]]
assert all(results.complete for results in found), found
prints = [results.fingerprint() for results in found]
frames = [results.monthly() for results in found]
assert prints[0] == prints[1] == prints[2], prints
assert frames[0].equals(frames[1]) and frames[0].equals(frames[2])
routes = [results.breakdown("route") for results in found]
assert routes[0].equals(routes[1]) and routes[0].equals(routes[2])
assert frames[0]["irregular_crossings"].sum() > 0
print(f"three stores, {found[0].planned} runs, {len(frames[0])} monthly rows, fingerprint {prints[0][:16]}: the same to the bit")
EOF
trap - EXIT
stop
if left=$(pgrep -f -- "$work"); then
  echo "processes are left: $(ps -o pid=,args= -p "$(echo $left | tr ' ' ',')")" >&2
  exit 1
fi
say "all the same, and nothing is left running"
