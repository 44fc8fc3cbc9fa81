// The mails of the demo that are no patches, and one that looks like one. Headers are written out: this is what arrives.
import { ines, jorg, list, meilin, petra, rosa, sam, tomas, written } from './people.ts'

export type Letter = {
  key: string
  /** When it arrived, ISO 8601. */
  arrived: string
  sender: string
  later?: boolean
  /** Message-ID of a patch by posting and position: `group/1`. */
  text: (id: (mail: string) => string) => string
}

const to = written(list)

const plans: Letter = {
  key: 'plans',
  arrived: '2026-09-14T07:55:10Z',
  sender: petra.address,
  text: () => `From: ${written(petra)}
To: ${to}
Subject: tally 1.3: what is left to do
Date: Mon, 14 Sep 2026 07:54:58 +0000
Message-ID: <20260914075458.GA2101@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Good morning everybody,

From what I see, 1.3 needs three things: lines that people would call
lines, sizes that people can read, and a release manager who is not me.

Two tests have failed since 1.0: tabs in tally_wrap() and overflow in
tally_parse(). Whoever mends one of them gets a biscuit.

Petra
`,
}

const doubt: Letter = {
  key: 'doubt',
  arrived: '2026-09-14T10:40:26Z',
  sender: ines.address,
  text: id => `From: ${written(ines)}
To: ${written(sam)}
Cc: ${to}
Subject: Re: [PATCH] count: call it tally_is_blank()
Date: Mon, 14 Sep 2026 10:40:11 +0000
Message-ID: <8a1d0c5e-3c1b-4c1d-9f3e-77a2c1b5d0aa@example.com>
In-Reply-To: ${id('rename/1')}
References: ${id('rename/1')}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

On 14.09.26 at 10:15, Sam Bytewright wrote:
> diff --git a/src/trim.c b/src/trim.c
> --- a/src/trim.c
> +++ b/src/trim.c
> @@ -11,9 +11,9 @@ size_t tally_trim(char *out, size_t size, const char *text)
>  	size_t length = strlen(text);
>  	size_t kept;
>  
> -	while (length > 0 && tally_is_space(text[length - 1]))
> +	while (length > 0 && tally_is_blank(text[length - 1]))
>  		length--;

isblank() of the C library is true for space and tab only. I would rather
keep the name that is wrong in the way everybody knows.

And did you look at wrap.c – or only at those that begin with a c or a t?

Ines
`,
}

const away: Letter = {
  key: 'away',
  arrived: '2026-09-14T08:30:41Z',
  sender: jorg.address,
  text: id => `From: =?utf-8?q?J=C3=B6rg_Habermann?= <${jorg.address}>
To: ${written(rosa)}
Cc: ${to}
Subject: Automatic reply: [PATCH] count: a last line without newline is a line too
Date: Mon, 14 Sep 2026 08:30:38 +0000
Message-ID: <vacation-1757838638.91@example.com>
In-Reply-To: ${id('last-line/1')}
References: ${id('last-line/1')}
Auto-Submitted: auto-replied (vacation)
X-Auto-Response-Suppress: All
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

I am out of the office until noon and count sheep. Patches that reach me
meanwhile will be counted as well.

Jörg
`,
}

const noId: Letter = {
  key: 'no-id',
  arrived: '2026-09-14T13:20:02Z',
  sender: tomas.address,
  text: () => `From: ${written(tomas)}
To: ${to}
Subject: my new mail program
Date: Mon, 14 Sep 2026 13:19:55 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Hello,

I wrote my own mail program last night. It does all that one needs, and
nothing that one does not. Tell me if anything is missing.

Tomas
`,
}

const roundness: Letter = {
  key: 'roundness',
  arrived: '2026-09-14T11:02:37Z',
  sender: meilin.address,
  text: id => `From: ${written(meilin)}
To: ${written(ines)}
Cc: ${to}
Subject: Re: [PATCH 3/3] human: round to the nearest tenth
Date: Mon, 14 Sep 2026 11:02:30 +0000
Message-ID: <ZuVb9k4m2q@example.org>
In-Reply-To: ${id('human/3')}
References: ${id('human/0')} ${id('human/3')}
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

> 1126 bytes are 1.0996K. That is 1.1K for everybody but tally_human(),

Nice. I had this in my own program and blamed the disk.

Reviewed-by: Mei-Lin Drew <meilin.drew@example.org>
`,
}

const applied: Letter = {
  key: 'applied',
  arrived: '2026-09-14T20:12:48Z',
  sender: petra.address,
  later: true,
  text: id => `From: ${written(petra)}
To: ${written(rosa)}
Cc: ${to}
Subject: Re: [PATCH] count: a last line without newline is a line too
Date: Mon, 14 Sep 2026 20:12:40 +0000
Message-ID: <20260914201240.GB2101@example.org>
In-Reply-To: ${id('last-line/1')}
References: ${id('last-line/1')}
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

On Mon, Sep 14, 2026 at 08:30:12AM +0000, Rosa Quill wrote:
> Whoever sees the text sees one. Count what they see.

Applied, thanks. I added a line to the README, so that nobody can say
that nobody said so.

Petra
`,
}

export const letters: Letter[] = [plans, away, doubt, roundness, noId, applied]
