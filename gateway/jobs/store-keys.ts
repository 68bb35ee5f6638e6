import type { Job } from './store/jobs.ts'

/** Returns the key of the place that a job's tasks write to; no two jobs write to one place at a time. */
export function outputKeyOf({ storage, path }: Pick<Job, 'storage' | 'path'>): string {
  return `${storage}:${path}`
}

/** Returns the folder of a job's intermediate files, below the root of its store. */
export function partsKeyOf(jobId: string): string {
  return `.tallylight/${jobId}/`
}
