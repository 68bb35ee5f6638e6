import { describe, expect, test } from 'vitest'

import { MAIL_SECTION, readMailSettings } from './mail.ts'
import { sectionProblems } from './section.ts'

const FROM = { MAIL_FROM: 'no-reply@example.com' }

describe('the settings of e-mail', () => {
  test('without any, it is off', () => {
    expect(readMailSettings({})).toBeNull()
  })

  test.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, isSecure: false, credentials: null }],
    ['smtps://mail.example.com/', { host: 'mail.example.com', port: 465, isSecure: true, credentials: null }],
    ['smtp://[::1]:2525', { host: '::1', port: 2525, isSecure: false, credentials: null }],
    [
      'smtps://me%40example.com:p%3A%2Fss@mail.example.com:4650',
      {
        host: 'mail.example.com',
        port: 4650,
        isSecure: true,
        credentials: { user: 'me@example.com', password: 'p:/ss' },
      },
    ],
  ])('%s names a server', (SMTP_URL, server) => {
    expect(readMailSettings({ ...FROM, SMTP_URL })?.server).toEqual(server)
  })

  test.each([
    ['no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
    ['Tallylight Live <no-reply@example.com>', { name: 'Tallylight Live', address: 'no-reply@example.com' }],
    ['ライブ<a@example.com>', { name: 'ライブ', address: 'a@example.com' }],
  ])('%s is a sender', (MAIL_FROM, from) => {
    expect(readMailSettings({ MAIL_FROM })?.from).toEqual(from)
  })

  test.each([
    { ...FROM, SMTP_URL: 'mail.example.com' },
    { ...FROM, SMTP_URL: 'https://mail.example.com' },
    { ...FROM, SMTP_URL: 'smtp://' },
    { ...FROM, SMTP_URL: 'smtp://user@mail.example.com' },
    { ...FROM, SMTP_URL: 'smtp://mail.example.com?tls=no' },
    { ...FROM, SMTP_URL: 'smtp://%ff:x@mail.example.com' },
    { MAIL_FROM: 'not-an-address' },
    { MAIL_FROM: 'a@example.com\r\nBcc: b@example.com' },
    { MAIL_FROM: 'Name\n <a@example.com>' },
    { MAIL_FROM: 'a@example.com, b@example.com' },
    { SMTP_URL: 'smtp://mail.example.com' },
    { ...FROM, NODE_ENV: 'production' },
  ])('%j is refused', (env) => {
    expect(sectionProblems(MAIL_SECTION, env)).toHaveLength(1)
  })
})
