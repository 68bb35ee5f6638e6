import { defineMessages } from '../../../web/messages.ts'

/** What a text of a mail names. */
export type MailFacts = {
  readonly username: string
  readonly link: string
  /** Where the platform is. */
  readonly site: string
}

/** Texts of the mails about accounts. */
export const MAIL_MESSAGES = defineMessages({
  en: {
    verify_email: {
      subject: 'Confirm your e-mail address',
      text: ({ username, link, site }: MailFacts) => `Hello ${username},

please confirm that this is your e-mail address. Open this page within an hour:

${link}

If you have no account at ${site}, ignore this mail.
`,
    },
    reset_password: {
      subject: 'Choose a new password',
      text: ({ username, link, site }: MailFacts) => `Hello ${username},

a new password was requested for your account at ${site}. To choose one, open this page within an hour:

${link}

If you did not request it, ignore this mail: your password stays as it is.
`,
    },
  },
  ja: {
    verify_email: {
      subject: 'メールアドレスの確認',
      text: ({ username, link, site }: MailFacts) => `${username} 様

このメールアドレスの確認をお願いします。1時間以内に次のページを開いてください。

${link}

${site} のアカウントに心当たりがない場合は、このメールを無視してください。
`,
    },
    reset_password: {
      subject: 'パスワードの再設定',
      text: ({ username, link, site }: MailFacts) => `${username} 様

${site} のアカウントのパスワード再設定が申し込まれました。1時間以内に次のページを開いて、新しいパスワードを設定してください。

${link}

お申し込みでない場合は、このメールを無視してください。パスワードは変わりません。
`,
    },
  },
})
