//! When a delivery that failed is tried again. Pure.

use std::time::Duration;

use entity::timestamp::Timestamp;

/// The waits between the attempts: the first after the first attempt. Nobody waits longer than a receiver asks for.
const DEFAULT: &str = "5s,30s,5m,30m,2h,6h,12h,24h,24h";
/// Most waits.
const WAITS_MAX: usize = 20;
/// Longest wait, seconds: a week.
const WAIT_MAX: u64 = 7 * 24 * 60 * 60;
/// How far a wait may be from what is planned, so that what failed together is not tried again together.
const JITTER: f64 = 0.2;
/// Longest that a receiver may ask for.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The waits between the attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

impl Default for RetrySchedule {
    fn default() -> Self {
        Self::parse(DEFAULT).unwrap_or(Self(Vec::new()))
    }
}

impl RetrySchedule {
    /// Reads waits as in `5s,30s,5m,2h,1d`.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let waits: Vec<_> = text.split(',').map(|part| wait(part.trim())).collect::<Result<_, _>>()?;
        if waits.len() > WAITS_MAX {
            return Err(format!("must have at most {WAITS_MAX} waits"));
        }
        Ok(Self(waits))
    }

    /// The longest that a delivery ever waits: of these waits, or because its receiver asked for it.
    pub fn longest(&self) -> Duration {
        let wait = self.0.iter().max().copied().unwrap_or_default();
        wait.mul_f64(1.0 + JITTER).max(ASKED_MAX)
    }

    /// The wait after this attempt, from 1, with `chance` from 0 to 1. None after the last one.
    pub fn delay(&self, attempt: i32, chance: f64) -> Option<Duration> {
        let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
        self.0.get(index).map(|wait| wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0)))
    }
}

fn wait(part: &str) -> Result<Duration, String> {
    let refused = || format!("`{part}` must be a whole number with one of the units s, m, h, d, as in 5s,30s,5m,2h,1d");
    let unit = part.chars().last().ok_or_else(refused)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(refused()),
    };
    let number: u64 = part[..part.len() - 1].parse().map_err(|_| refused())?;
    match number.checked_mul(seconds) {
        Some(seconds @ 1..=WAIT_MAX) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{part}` must be from 1s to 7d")),
    }
}

/// How long the receiver asks to be left alone: seconds, or a moment, as in `Retry-After`. At most a day.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let moment = httpdate::parse_http_date(text).ok()?;
            let moment = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
            let moment = Timestamp::from_millis(i64::try_from(moment.as_millis()).ok()?);
            moment.remaining(now)
        }
    };
    Some(asked.min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_waits_grow_to_a_day_and_end() {
        let usual = RetrySchedule::default();
        let waits: Vec<_> = (1..).map_while(|attempt| usual.delay(attempt, 0.5)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [5, 30, 300, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400]);
        assert_eq!((usual.delay(0, 0.5), usual.delay(-1, 0.5)), (None, None));
        assert_eq!((usual.longest().as_secs(), RetrySchedule(Vec::new()).longest()), (103_680, ASKED_MAX));
    }

    proptest! {
        #[test]
        fn chance_moves_a_wait_by_a_fifth_at_most(attempt in 1..=9, chance in 0.0..=1.0) {
            let usual = RetrySchedule::default();
            let (wait, planned) = (usual.delay(attempt, chance).expect("one"), usual.delay(attempt, 0.5).expect("one"));
            prop_assert!(wait >= planned.mul_f64(0.79) && wait <= planned.mul_f64(1.21));
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_part() {
        for (text, part) in
            [("", "``"), ("5", "`5`"), ("5s,x", "`x`"), ("0s", "`0s`"), ("8d", "`8d`"), ("5s,,5s", "``")]
        {
            let refusal = RetrySchedule::parse(text).expect_err(text);
            assert!(refusal.contains(part), "{refusal}");
        }
        assert!(RetrySchedule::parse(&vec!["1s"; 21].join(",")).is_err());
    }

    #[test]
    fn a_receiver_may_ask_in_seconds_or_by_date_for_at_most_a_day() {
        let now = Timestamp::from_millis(1_445_412_480_000); // Wed, 21 Oct 2015 07:28:00 GMT
        let rows = [
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("Wed, 21 Oct 2015 07:30:00 GMT", Some(120)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("999999999", Some(86_400)),
            ("soon", None),
            ("-1", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(retry_after(text, now).map(|asked| asked.as_secs()), seconds, "{text}");
        }
    }
}
