import type { Job } from './store.ts'

/** What a job's tasks write to. */
export function outputKeyOf({ storage, path }: Pick<Job, 'storage' | 'path'>): string {
  return `${storage}:${path}`
}

/** Where the workers of a job keep what is not for readers, below the root of its store. */
export function partsKeyOf(jobId: string): string {
  return `.tallylight/${jobId}/`
}
