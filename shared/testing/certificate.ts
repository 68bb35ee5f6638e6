import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'

/** A self-signed certificate for 127.0.0.1, and its private key; both PEM. */
export type Certificate = { readonly cert: string; readonly key: string }

const TAG = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31 }
/** Object identifiers in DER. */
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
}
const YEAR_MS = 365 * 24 * 3_600_000

/** Creates a certificate (X.509, RFC 5280 §4.1) that is valid for a year. Node itself creates keys only. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(OID.ecdsaWithSha256))
  const name = sequence(
    // Among several that are trusted, one is found by its name.
    encodeDer(TAG.set, sequence(oid(OID.commonName), encodeDer(TAG.text, Buffer.from(`test ${randomUUID()}`)))),
  )
  const body = sequence(
    encodeDer(0xa0, encodeDer(TAG.integer, Buffer.from([2]))),
    encodeDer(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - 3_600_000), time(Date.now() + YEAR_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    encodeDer(
      0xa3,
      sequence(
        extension(OID.subjectAltName, subjectAltNames()),
        extension(OID.basicConstraints, authorityConstraints()),
      ),
    ),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, algorithm, encodeDer(TAG.bits, Buffer.concat([Buffer.from([0]), signature])))
  return { cert: encodePem(whole), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Encodes the subject's names: 127.0.0.1 as an address, `localhost` as a DNS name. */
function subjectAltNames(): Buffer {
  return sequence(encodeDer(0x87, Buffer.from([127, 0, 0, 1])), encodeDer(0x82, Buffer.from('localhost')))
}

function authorityConstraints(): Buffer {
  return sequence(encodeDer(0x01, Buffer.from([0xff])))
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), encodeDer(TAG.octets, value))
}

function time(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return encodeDer(TAG.time, Buffer.from(digits.slice(2)))
}

function oid(bytes: readonly number[]): Buffer {
  return encodeDer(TAG.oid, Buffer.from(bytes))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return encodeDer(TAG.sequence, Buffer.concat(parts))
}

/** Encodes a value in DER: tag, length in its shortest form, value (X.690 §8.1 and §10.1). */
function encodeDer(tag: number, value: Buffer): Buffer {
  const { length } = value
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), value])
}

function encodePem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
