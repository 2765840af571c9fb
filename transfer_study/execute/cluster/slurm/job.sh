# From here on all jobs are alike: Ray on the machines of the job, the study on Ray, and, where work is
# left, back to the queue, from which the job begins anew and goes on.
set -u

mapfile -t NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
read -r HEAD PORT RAY_AUTH_TOKEN < <("$PYTHON" -m transfer_study.execute.cluster.slurm.meeting "${NODES[@]:1:1}")
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN # of this job alone, nowhere on a disk
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0 # when it is told to end nothing runs any more
unset RAY_ADDRESS RAY_AUTH_TOKEN_PATH
# Where Ray expects no cluster, its name for other systems, it listens on loopback alone.
[ "${#NODES[@]}" -gt 1 ] || export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0
RAY_FOLDER=/tmp/ray-$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}
say() { echo "$(date '+%F %T') $*" >&2; }
say "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, in the queue ${SLURM_RESTART_COUNT:-0} times before"

# One Ray node a machine, on its own address and on ports that are free. It ends when it is told to.
node() {
  local role=(--head --node-ip-address="$HEAD" --port="$PORT" --include-dashboard=false)
  if [ "$SLURM_NODEID" != 0 ]; then
    role=(--address="$HEAD:$PORT")
    until (: < "/dev/tcp/$HEAD/$PORT") 2> /dev/null; do sleep 1; done
  fi
  trap : TERM # Ray has it too
  "$PYTHON" -m ray.scripts.scripts start --block "${role[@]}" --temp-dir="$RAY_FOLDER" \
    --num-cpus="$CPUS" --num-gpus="$GPUS" --object-store-memory=100000000 --disable-usage-stats \
    --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0 &
  until wait; do :; done
  rm -rf "$RAY_FOLDER"
}
export HEAD PORT RAY_FOLDER PYTHON CPUS GPUS
# A machine that is lost takes no other with it.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$CPUS" --export=ALL --input=none \
  --no-kill --wait=0 --kill-on-bad-exit=0 --output="$RAY_LOG" --open-mode=append \
  bash -c "$(declare -f node); node" &
RAY=$!

STUDY='' SIGNALLED='' RC=
# Slurm says beforehand that time is up, or that the machines are taken back: so that stages can keep
# how far they have come.
signal() {
  SIGNALLED=${SIGNALLED:-$SECONDS}
  say "got SIG$1"
  [ -z "$STUDY" ] || kill -s "$1" "$STUDY" 2> /dev/null
}
trap 'signal USR1' USR1
trap 'signal TERM' TERM

until [ "$SIGNALLED" ] || (: < "/dev/tcp/$HEAD/$PORT") 2> /dev/null; do
  if ! kill -0 "$RAY" 2> /dev/null; then
    say "Ray did not start; what it said is in $RAY_LOG"
    exit 1
  fi
  sleep 1
done
if [ -z "$SIGNALLED" ]; then
  "$PYTHON" -m transfer_study run "${STUDY_WORDS[@]}" --executor=ray --address="$HEAD:$PORT" &
  STUDY=$!
  while kill -0 "$STUDY" 2> /dev/null; do
    sleep 1
    if [ "$SIGNALLED" ] && ((SECONDS - SIGNALLED > WARNING - 30)); then
      kill -KILL "$STUDY" # the rest of the time is needed to get back into the queue
    fi
  done
  wait "$STUDY"
  RC=$?
  say "transfer-study ended with exit code $RC"
fi

# No process of Ray's stays behind: the step is told to end, and after a while it is ended.
scancel --quiet --signal=TERM "$SLURM_JOB_ID.0"
for _ in {1..20}; do
  kill -0 "$RAY" 2> /dev/null || break
  sleep 1
done
kill "$RAY" 2> /dev/null
wait "$RAY"

# 75 says that work is left. A job that was cancelled, or that Slurm itself puts back, runs no more.
if [ "${RC:-75}" = 75 ] || { [ "$SIGNALLED" ] && ((RC > 3)); }; then
  if [ "$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)" = RUNNING ]; then
    say "back to the queue"
    scontrol requeue "$SLURM_JOB_ID"
  fi
fi
exit "${RC:-75}"
