// Counts doubled bytes of standard input, block by block, in little memory. After `make install`:
//
//     c++ stream.cpp -o stream $(pkg-config --cflags --libs doubles)
//     ./stream <stream.cpp

#include <doubles.h>
#include <iostream>
#include <vector>

int main() {
    std::vector<char> block(1 << 20);
    DoublesSummary summary{};
    while (std::cin) {
        std::cin.read(block.data(), block.size());
        auto data = reinterpret_cast<const uint8_t *>(block.data());
        auto length = static_cast<size_t>(std::cin.gcount());
        int64_t status = doubles_update_bytes(&summary, nullptr, data, length, 0);
        if (status != DOUBLES_STATUS_OK) {
            std::cerr << doubles_status_message(status) << '\n';
            return 1;
        }
    }
    std::cout << summary.count << '\n';
}
