import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'

import { startSwift } from '../testing/swift/swift.ts'
import { createS3Client } from './s3-client.ts'
import { openS3Store } from './s3.ts'
import { describeStore, SECRET } from './store.conformance.ts'

describeStore('S3 on a real OpenStack Swift', async () => {
  const swift = await startSwift()
  const { bucket, region, endpoint, credentials } = swift
  const settings = { bucket, region, endpoint, credentials, publicUrl: null }
  const store = await openS3Store(settings)
  const client = createS3Client(settings)
  const openUploads = async () => {
    const { Uploads: uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return uploads.map(({ Key: key = '' }) => key)
  }
  return {
    store,
    unauthorized: await openS3Store({ ...settings, credentials: { ...credentials, secretAccessKey: SECRET } }),
    isArriving: async () => (await openUploads()).length > 0,
    partialUploads: openUploads,
    async [Symbol.asyncDispose]() {
      client.destroy()
      await store[Symbol.asyncDispose]()
      await swift[Symbol.asyncDispose]()
    },
  }
})
