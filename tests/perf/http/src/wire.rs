//! Keep-alive connections of one thread, each with at most one request on its way.

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// More than any subject answers.
const LARGEST: usize = 4096;

pub(crate) struct Wires {
    epoll: OwnedFd,
    ready: Vec<Event>,
    wires: Vec<Wire>,
}

struct Wire {
    stream: TcpStream,
    answer: Box<[u8; LARGEST]>,
    filled: usize,
}

impl Wires {
    pub(crate) fn open(address: SocketAddr, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut wires = Vec::with_capacity(count);
        for at in 0..count {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            // Edges suffice: after an answer there is nothing to read.
            epoll::add(
                &epoll,
                &stream,
                EventData::new_u64(at as u64),
                EventFlags::IN | EventFlags::ET,
            )?;
            wires.push(Wire {
                stream,
                answer: Box::new([0; LARGEST]),
                filled: 0,
            });
        }
        Ok(Wires {
            epoll,
            ready: Vec::with_capacity(count.max(1)),
            wires,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.wires.len()
    }

    /// Sends a request on a connection that waits for no answer.
    pub(crate) fn send(&mut self, wire: usize, request: &[u8]) -> io::Result<()> {
        // One small request always fits into an empty socket.
        let sent = self.wires[wire].stream.write(request)?;
        if sent < request.len() {
            return Err(io::Error::other("the socket took only a part of a request"));
        }
        Ok(())
    }

    /// Waits until there is something to read, at most so long; hands every answer that has come to `answered`, with its
    /// connection, status and body.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        mut answered: impl FnMut(usize, u16, &[u8]),
    ) -> io::Result<()> {
        let limit = limit.map(|limit| Timespec {
            tv_sec: limit.as_secs() as i64,
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        self.ready.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.ready),
            limit.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &self.ready {
            let at = event.data.u64() as usize;
            let wire = &mut self.wires[at];
            if let Some((status, body)) = wire.read()? {
                answered(at, status, body);
            }
        }
        Ok(())
    }
}

impl Wire {
    /// The answer, once all of it is there.
    fn read(&mut self) -> io::Result<Option<(u16, &[u8])>> {
        loop {
            let room = &mut self.answer[self.filled..];
            if room.is_empty() {
                return Err(io::Error::other("the answer is too long"));
            }
            match self.stream.read(room) {
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Some(answer) = whole(&self.answer[..self.filled])? {
                self.filled = 0;
                return Ok(Some((answer.status, &self.answer[answer.body])));
            }
        }
    }
}

struct Whole {
    status: u16,
    body: std::ops::Range<usize>,
}

/// What was answered, if it is there to its end.
fn whole(bytes: &[u8]) -> io::Result<Option<Whole>> {
    let odd = || io::Error::new(ErrorKind::InvalidData, "that is no answer of HTTP/1.1");
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let status = bytes
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok()).ok_or_else(odd)?;
    let mut length = None;
    let mut chunked = false;
    for line in bytes[..head].split(|&byte| byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Err(odd());
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(&value[1..]).map_err(|_| odd())?;
            length = Some(value.trim().parse::<usize>().map_err(|_| odd())?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = true;
        }
    }
    let start = head + 4;
    let end = match length {
        Some(length) => start + length,
        // Of small answers in chunks only the end matters.
        None if chunked => match bytes.ends_with(b"0\r\n\r\n") {
            true => bytes.len(),
            false => return Ok(None),
        },
        None => return Err(odd()),
    };
    match bytes.len() {
        length if length < end => Ok(None),
        length if length == end => Ok(Some(Whole {
            status,
            body: start..end,
        })),
        _ => Err(io::Error::other("more was answered than was asked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u16, &str)> {
        let whole = whole(text.as_bytes()).unwrap()?;
        Some((whole.status, &text[whole.body]))
    }

    #[test]
    fn an_answer_is_read_to_its_end() {
        let answer = "HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 4\r\n\r\nbody";
        for length in 0..answer.len() {
            assert_eq!(read(&answer[..length]), None);
        }
        assert_eq!(read(answer), Some((200, "body")));
        assert!(whole(format!("{answer}!").as_bytes()).is_err());
    }

    #[test]
    fn chunks_are_waited_for() {
        let answer = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n";
        assert_eq!(read(&answer[..answer.len() - 1]), None);
        assert_eq!(read(answer).unwrap().0, 404);
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in [
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nxy\r\n\r\n",
        ] {
            assert!(whole(text.as_bytes()).is_err(), "{text}");
        }
    }
}
