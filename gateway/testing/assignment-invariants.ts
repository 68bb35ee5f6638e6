import type { Invariant } from './job-invariants.ts'

/** How many claimants an assignment remembers (`raiseEpoch`). */
const KEPT_CLAIMANTS = 10

/** What holds of the work that is given to workers, whatever its kind. */
export const ASSIGNMENT_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'what has not ended waits for its launch, or has a worker with a lease; what has ended has neither',
    broken: (sql) => sql`
      select id, ended_at, launch_at, launched_by, lease_until from assignments
      where (ended_at is null and launch_at is null and (launched_by is null or lease_until is null))
        or (ended_at is not null and (launch_at is not null or lease_until is not null))`,
  },
  {
    rule: 'each epoch was claimed by a process of its own',
    broken: (sql) => sql`
      select id, epoch, claimants from assignments
      where cardinality(claimants) <> least(epoch, ${KEPT_CLAIMANTS})
        or cardinality(claimants) <> (select count(distinct one) from unnest(claimants) one)`,
  },
  {
    rule: 'no more launches count than there were, and of a job no more than three runs',
    broken: (sql) => sql`
      select id, kind, attempts, launch, restarts from assignments
      where attempts > launch + restarts or (kind = 'job' and attempts > 3)`,
  },
]
