import * as v from 'valibot'

/** Where outputs are stored. */
export const StorageKind = v.picklist(['s3', 'ftp', 'local'], 'must be s3, ftp or local')
export type StorageKind = v.InferOutput<typeof StorageKind>
