#!/usr/bin/env bash
# Trains on two machines with four processes each: sbatch deploy/slurm.sh RECIPE
# The folder must be one that both machines see, and sfumato on the path of both.
#SBATCH --job-name=sfumato
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
set -euo pipefail

recipe=${1:?"usage: sbatch deploy/slurm.sh RECIPE"}
run=runs/$(basename "$recipe" .yaml)-$SLURM_JOB_NAME

# Where the processes meet: the first machine of the job, and a port that no other job there has.
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
export MASTER_ADDR MASTER_PORT
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK

# Two minutes before the limit every process gets SIGTERM: the first saves once, and all end. The next job resumes, also with another
# number of processes.
if [ -e "$run/recipe.yaml" ]; then
  exec srun --kill-on-bad-exit=1 sfumato resume "$run"
else
  exec srun --kill-on-bad-exit=1 sfumato train "$recipe" --run "$run"
fi
