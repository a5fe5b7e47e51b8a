//! Parses the answer of `netsh` about the ports that Windows reserves.

/// Parses the inclusive port ranges in the output of `netsh interface ipv4 show excludedportrange protocol=tcp`. Its
/// words are in the system's language: each line that starts with two ports is a range.
pub(super) fn excluded_ranges(output: &str) -> Vec<(u16, u16)> {
    let ranges = output.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::parse);
        match (words.next()?, words.next()?) {
            (Ok(first), Ok(last)) if first <= last => Some((first, last)),
            _ => None,
        }
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_ranges_are_parsed_in_any_language() {
        let english = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
            ----------    --------      \r\n        80          80\r\n     50000       50059     *\r\n\r\n\
            * - Administered port exclusions.\r\n";
        let turkish = "\r\nProtokol tcp Bağlantı Noktası Dışlama Aralıkları\r\n\r\n\
            Başlangıç Bağlantı Noktası    Bitiş Bağlantı Noktası      \r\n----------    --------\r\n\
            \u{20}     5357        5357\r\n     19789       19888\r\n\r\n* - Yönetilen bağlantı noktası dışlamaları.\r\n";
        assert_eq!(excluded_ranges(english), [(80, 80), (50000, 50059)]);
        assert_eq!(excluded_ranges(turkish), [(5357, 5357), (19789, 19888)]);
        assert_eq!(excluded_ranges("9 1\n70000 70001\n1\n"), []);
    }
}
