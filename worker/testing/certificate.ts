import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate for 127.0.0.1 that is its own authority, and its key; both PEM. */
export type Certificate = { readonly cert: string; readonly key: string }

const TAG = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31 }
/** DER of the object identifiers used below. */
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
}
const YEAR_MS = 365 * 24 * 3_600_000

/** A new certificate (X.509, RFC 5280 §4.1), good for a year: Node makes keys, but no certificates. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(OID.ecdsaWithSha256))
  const name = sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.text, Buffer.from('tallylight-test')))))
  const body = sequence(
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - 3_600_000), time(Date.now() + YEAR_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension(OID.subjectAltName, localNames()), extension(OID.basicConstraints, isAuthority()))),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, algorithm, der(TAG.bits, Buffer.concat([Buffer.from([0]), signature])))
  return { cert: pem(whole), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** 127.0.0.1 as an address, `localhost` as a name. */
function localNames(): Buffer {
  return sequence(der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost')))
}

function isAuthority(): Buffer {
  return sequence(der(0x01, Buffer.from([0xff])))
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), der(TAG.octets, value))
}

function time(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(TAG.time, Buffer.from(digits.slice(2)))
}

function oid(bytes: readonly number[]): Buffer {
  return der(TAG.oid, Buffer.from(bytes))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(TAG.sequence, Buffer.concat(parts))
}

/** Tag, length in its shortest form, value: X.690 §8.1 and §10.1. */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), value])
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
