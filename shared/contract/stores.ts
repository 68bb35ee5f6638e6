import * as v from 'valibot'

/** Where outputs are stored. */
export const StorageKind = v.picklist(['s3', 'ftp', 'local'], 'must be s3, ftp or local')
export type StorageKind = v.InferOutput<typeof StorageKind>

/** Classes of S3 objects that can be read at once, and cost less to keep. */
export const ColdClass = v.picklist(
  ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'],
  'must be STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING or GLACIER_IR',
)
export type ColdClass = v.InferOutput<typeof ColdClass>
