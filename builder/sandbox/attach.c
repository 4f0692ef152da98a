/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"
#include "sandbox/pty.h"
#include "sandbox/run.h"
#include "sandbox/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

/* One end of a way that bytes take. The caller's own descriptors are never closed and stay blocking, as other processes
 * share them. */
typedef struct End {
        int fd; /* -1: closed */
        bool owned;
} End;

typedef struct Channel {
        End *from, *to;
        const char *failure; /* what to say when `to` can't be written to; NULL: then nobody wants the bytes, that's all */
        size_t start, end;
        char data[CHUNK_BYTES];
} Channel;

typedef struct Attachment {
        End caller[3];           /* standard input, output and error */
        End input, output, err;  /* the program's; on a terminal the first two are the master */
        End *program_output;
        int report_fd;
        Channel channels[3];
        size_t n_channels;
        Terminal terminal;
        Buffer *report;
        size_t report_limit_bytes;
} Attachment;

static void end_close(End *end)
{
        if (end->owned && end->fd >= 0)
                close(end->fd);
        end->fd = -1;
}

/* ------------------------------------------------------------------------------------------------ one channel */

static bool is_full(const Channel *channel)
{
        return channel->start < channel->end;
}

static bool is_over(const Channel *channel)
{
        return channel->to->fd < 0 || (channel->from->fd < 0 && !is_full(channel));
}

static struct pollfd channel_poll(const Channel *channel)
{
        if (is_over(channel))
                return (struct pollfd){ .fd = -1 };
        if (is_full(channel))
                return (struct pollfd){ .fd = channel->to->fd, .events = POLLOUT };
        return (struct pollfd){ .fd = channel->from->fd, .events = POLLIN };
}

static void channel_read(Channel *channel)
{
        ssize_t n = read(channel->from->fd, channel->data, sizeof channel->data);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        channel->start = 0;
        channel->end = n > 0 ? (size_t) n : 0;
        if (n > 0)
                return;
        /* the end; a terminal that no program holds any longer says EIO */
        end_close(channel->from);
        if (channel->to->owned)
                end_close(channel->to);
}

/* A descriptor of the caller's may block: no more than what poll(2) has promised room for. */
static int channel_write(Channel *channel, Error *error)
{
        size_t length = channel->end - channel->start;
        ssize_t n = write(channel->to->fd, channel->data + channel->start,
                          !channel->to->owned && length > PIPE_BUF ? PIPE_BUF : length);

        if (n >= 0) {
                channel->start += (size_t) n;
                return 0;
        }
        if (errno == EINTR || errno == EAGAIN)
                return 0;
        if (errno != EPIPE && channel->failure)
                return error_set_errno(error, errno, "%s", channel->failure);
        /* nobody reads any longer: the program is to notice */
        end_close(channel->to);
        end_close(channel->from);
        return 0;
}

static int channel_move(Channel *channel, short events, Error *error)
{
        if (!events || is_over(channel))
                return 0;
        if (is_full(channel))
                return channel_write(channel, error);
        channel_read(channel);
        return 0;
}

/* ------------------------------------------------------------------------------------------------ all of them */

static void add_channel(Attachment *attachment, End *from, End *to, const char *failure)
{
        Channel *channel = &attachment->channels[attachment->n_channels++];

        channel->from = from;
        channel->to = to;
        channel->failure = failure;
        channel->start = channel->end = 0;
}

static int take_report(Attachment *attachment, Error *error)
{
        char chunk[4096];
        ssize_t n = read(attachment->report_fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
                return 0;
        if (n < 0)
                return error_set_errno(error, errno, "Can't take the report of the sandbox");
        if (n == 0)
                attachment->report_fd = -1;
        else if (attachment->report->length + (size_t) n > attachment->report_limit_bytes)
                return error_set(error, -EFBIG, "The sandbox sent a message without an end");
        else if (buffer_append(attachment->report, chunk, (size_t) n) < 0)
                return error_out_of_memory(error);
        return 0;
}

/* PID 1 has ended, and with it all programs; what they wrote has arrived. The first channel is the input, of which the rest
 * is nobody's. */
static bool all_over(const Attachment *attachment)
{
        if (attachment->report_fd >= 0)
                return false;
        for (size_t i = 1; i < attachment->n_channels; i++)
                if (!is_over(&attachment->channels[i]))
                        return false;
        return true;
}

static int move_all(Attachment *attachment, Error *error)
{
        const size_t n_channels = attachment->n_channels;
        const sigset_t *mask = attachment->terminal.entered ? &attachment->terminal.mask : NULL;
        struct pollfd polls[ELEMENTS(attachment->channels) + 2];

        while (!all_over(attachment)) {
                for (size_t i = 0; i < n_channels; i++)
                        polls[i] = channel_poll(&attachment->channels[i]);
                polls[n_channels] = (struct pollfd){ .fd = attachment->report_fd, .events = POLLIN };
                polls[n_channels + 1] = (struct pollfd){ .fd = cancel_fd(), .events = POLLIN };
                int n_ready = ppoll(polls, n_channels + 2, NULL, mask);
                if (n_ready < 0 && errno != EINTR)
                        return error_set_errno(error, errno, "Can't wait for a program in the sandbox");
                if (attachment->terminal.entered)
                        terminal_update(&attachment->terminal);
                if (n_ready < 0)
                        continue;
                if (polls[n_channels + 1].revents)
                        return error_cancelled(error);
                int r = polls[n_channels].revents ? take_report(attachment, error) : 0;
                for (size_t i = 0; r == 0 && i < n_channels; i++)
                        r = channel_move(&attachment->channels[i], polls[i].revents, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ the two ways */

static int open_terminal(Attachment *attachment, const Run *run, Error *error)
{
        int r = pty_take(run->console.read_fd, &attachment->input.fd, error);

        if (r < 0 || attachment->input.fd < 0)
                return r; /* the report says what went wrong */
        attachment->input.owned = true;
        r = terminal_enter(STDIN_FILENO, attachment->input.fd, &attachment->terminal, error);
        if (r == 0)
                (void) !pty_ready(run->console.read_fd); /* if it has ended meanwhile, its report says so */
        return r;
}

static End take_end(int *fd)
{
        End end = { TAKE_FD(*fd), true };

        return end;
}

static int open_all(Attachment *attachment, Run *run, Error *error)
{
        End *input = &attachment->input;

        for (int fd = 0; fd < 3; fd++)
                attachment->caller[fd] = (End){ fd, false };
        attachment->err = take_end(&run->err.read_fd);
        attachment->output = take_end(&run->out.read_fd);
        *input = take_end(&run->in.write_fd);
        attachment->program_output = &attachment->output;
        if (run->console.read_fd >= 0) {
                int r = open_terminal(attachment, run, error);
                if (r < 0)
                        return r;
                attachment->program_output = input;
        }
        add_channel(attachment, &attachment->caller[0], input, NULL);
        add_channel(attachment, attachment->program_output, &attachment->caller[1], "Can't write to standard output");
        add_channel(attachment, &attachment->err, &attachment->caller[2], "Can't write to standard error");
        return 0;
}

static void attachment_done(Attachment **attachment)
{
        if (!*attachment)
                return;
        terminal_leave(&(*attachment)->terminal);
        end_close(&(*attachment)->input);
        end_close(&(*attachment)->output);
        end_close(&(*attachment)->err);
        free(*attachment);
}

int attach_pump(Run *run, Buffer *report, size_t report_limit_bytes, Error *error)
{
        _cleanup_(attachment_done) Attachment *attachment = calloc(1, sizeof *attachment);

        if (!attachment)
                return error_out_of_memory(error);
        attachment->terminal = TERMINAL_INIT;
        attachment->report = report;
        attachment->report_limit_bytes = report_limit_bytes;
        attachment->report_fd = run->report.read_fd;
        int r = open_all(attachment, run, error);
        return r == 0 ? move_all(attachment, error) : r;
}
