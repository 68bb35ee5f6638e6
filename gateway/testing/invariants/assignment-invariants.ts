import type { Invariant } from './invariant.ts'

/** Number of claimants that an assignment keeps (`raiseEpoch`). */
const KEPT_CLAIMANTS = 10

/** Invariants of assignments of every kind. */
export const ASSIGNMENT_INVARIANTS: readonly Invariant[] = [
  {
    rule: 'an open assignment waits for its launch or has a leased worker; an ended one has neither',
    findViolations: (sql) => sql`
      select id, ended_at, launch_at, launched_by, lease_until from assignments
      where (ended_at is null and launch_at is null and (launched_by is null or lease_until is null))
        or (ended_at is not null and (launch_at is not null or lease_until is not null))`,
  },
  {
    rule: 'each epoch was claimed by a different process',
    findViolations: (sql) => sql`
      select id, epoch, claimants from assignments
      where cardinality(claimants) <> least(epoch, ${KEPT_CLAIMANTS})
        or cardinality(claimants) <> (select count(distinct one) from unnest(claimants) one)`,
  },
  {
    rule: 'attempts never exceed launches and restarts, nor three runs for a job',
    findViolations: (sql) => sql`
      select id, kind, attempts, launch, restarts from assignments
      where attempts > launch + restarts or (kind = 'job' and attempts > 3)`,
  },
]
